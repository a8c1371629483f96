//! Directories, name servers and their clients from outside.

mod closing;
mod hostile;
mod lost;
mod ownership;
mod suite;
mod wrong_use;
mod world;
