//! boardroom: every Trello board gets its ONLYOFFICE DocSpace room, and keeps it.
