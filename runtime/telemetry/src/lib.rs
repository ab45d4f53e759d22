//! What happened: one record of a fact, told to everyone who asked.
//!
//! **Owns** the events of a running host, their names in a log, the way from
//! an event to those who listen, and the only reading of the machine's clock.
//!
//! **Never** fails, waits, or changes what it records; does not know what ran
//! the call, and installs no subscriber: that is the program's choice.
//!
//! ```
//! use std::sync::mpsc::{SyncSender, sync_channel};
//!
//! use patinox_policy::Usage;
//! use patinox_telemetry::{CallEnded, CallId, Clock, Event, Outcome, Recorder, Sink};
//!
//! /// Keeps the events; when its queue is full it drops one, it never waits.
//! struct Queue(SyncSender<Event>);
//!
//! impl Sink for Queue {
//!     fn record(&self, event: &Event) {
//!         let _ = self.0.try_send(event.clone());
//!     }
//! }
//!
//! let (sender, events) = sync_channel(16);
//! let recorder = Recorder::new([Box::new(Queue(sender)) as Box<dyn Sink>]);
//!
//! let started_at = Clock::system().wall();
//! recorder.record(&Event::CallEnded(CallEnded {
//!     call: CallId::new(started_at),
//!     component: "sha256:2c26…".to_owned(),
//!     tool: "count".to_owned(),
//!     outcome: Outcome::Ok,
//!     usage: Usage::default(),
//!     started_at,
//! }));
//! assert!(matches!(events.try_recv(), Ok(Event::CallEnded(call)) if call.tool == "count"));
//! ```
//!
//! Read `event`, then `recorder` and `sink`; `monitor`, which counts events and asks
//! how the parts are, with `metrics` below it,
//! and `alert`, which judges what they see; `trace` for spans; `names`
//! and `clock` stand alone.

#![forbid(unsafe_code)]

mod alert;
mod clock;
mod contain;
mod event;
pub mod metrics;
mod monitor;
pub mod names;
mod recorder;
mod sink;
pub mod trace;

pub use alert::{
    Alert, AlertRule, AlertSink, AlertState, Alerts, Comparison, LogSink, MAX_RULE_NAME_BYTES,
    RuleError, Severity, Subject, tell,
};
pub use clock::Clock;
pub use event::{
    CallEnded, CallId, CallJudged, CleanupFailed, ComponentLoaded, Event, Outcome, PressureChanged,
    Reclaimed,
};
pub use monitor::{Condition, HOST_CHECKS, Health, Monitor, Monitors, Snapshot};
pub use recorder::Recorder;
pub use sink::{Sink, TracingSink};
