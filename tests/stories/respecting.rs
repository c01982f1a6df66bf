//! What people do by hand stays, and what they say goes.
