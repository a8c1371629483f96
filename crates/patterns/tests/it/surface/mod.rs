//! What every socket offers: each way to send and to receive, to begin and to end.

mod batches;
mod by_hand;
mod crowds;
mod drops;
mod ends;
mod frames;
mod now;
mod patience;
mod transparent;
mod views;
