//! The verbs, one file each.

pub(crate) mod audit;
pub(crate) mod cache;
pub(crate) mod call;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod grant;
pub(crate) mod inspect;
pub(crate) mod installed;
pub(crate) mod precompile;
pub(crate) mod top;
pub(crate) mod trust;
