//! The program as a person has it: what was typed, what came out, and where.

mod attack;
mod audited;
mod cache;
mod call;
mod cancel;
mod demo;
mod exit;
mod granted;
mod grants;
mod help;
mod inspect;
mod installed;
mod prompted;
mod refusals;
mod streams;
mod top;
mod trust;
mod validators;

pub(crate) mod shell;
