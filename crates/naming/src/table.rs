//! The names, and those who watch them.
