//! The host as an embedder has it: real components, real calls.

mod admission;
mod audit;
mod codes;
mod dashboard;
mod errors;
mod events;
mod examples;
mod faults;
mod files;
mod flips;
mod foreign;
mod grants;
mod handler;
mod imports;
mod library;
mod live;
mod loading;
mod monitoring;
mod pool;
mod prebuilt;
mod precompiled;
mod pressure;
mod probe;
mod prompts;
mod reclaim;
mod registry;
mod router;
mod schemas;
mod state;
mod status;
mod storage;
mod validators;
mod values;
mod worker;
mod writing;

/// A host, its component and its calls may go to any thread.
#[test]
fn what_an_embedder_holds_is_send_and_sync() {
    const fn check<T: Send + Sync>() {}
    check::<patinox::Host>();
    check::<patinox::Loaded>();
    check::<patinox::Request>();
    check::<patinox::Called>();
    check::<patinox::PatinoxError>();
    check::<patinox::Config>();
}
