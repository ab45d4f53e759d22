//! The tests of the whole: the host as an embedder has it, the program as a
//! person has it, and the attacks that both withstand.

#![forbid(unsafe_code)]

// All of it is tests; written out, as clippy allows `unwrap` below it only so.
#[cfg(test)]
mod cli;
#[cfg(test)]
mod host;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod validators;
