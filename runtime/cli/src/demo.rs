//! What Patinox does, shown on embedded components.

pub(crate) mod components;
pub(crate) mod embedded;
pub(crate) mod rows;
pub(crate) mod show;
