//! The repository's own rules, checked: a rule that nobody runs is a wish.
//!
//! **Owns** the rules of crate rows, of what may be named where, of lengths,
//! of WIT, of guests, of the READMEs and of the page of types.
//!
//! **Never** depends on a crate of ours, so it runs before anything is built,
//! and changes nothing.
//!
//! ```
//! use patinox_tidy::{Tree, length};
//!
//! let tree = Tree::of([("runtime/tools/src/mod.rs", "fn main() {}")]);
//! let [finding] = length::module_files(&tree).try_into().unwrap();
//! assert_eq!(
//!     finding.to_string(),
//!     "runtime/tools/src/mod.rs:1: no `mod.rs`; fix: name it after its module, beside its folder",
//! );
//! ```
//!
//! Read `tree`, `source`, then a rule: `crates`, `naming`, `length`, `wit`,
//! `guests`, `readme`, `limits`, `types`. `tests/repository.rs` runs them all.

#![forbid(unsafe_code)]

pub mod crates;
pub mod guests;
pub mod length;
pub mod limits;
pub mod naming;
pub mod readme;
pub mod source;
mod tree;
pub mod types;
pub mod wit;

pub use tree::{File, Finding, Tree};
