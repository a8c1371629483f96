//! What the vocabulary promises, for whatever is put into it.

mod correlator;
mod depth;
mod endpoint;
mod path;
mod typed;
mod value;
