//! The guardian and what it tells.
