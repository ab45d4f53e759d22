//! `patinox doctor`: what this machine has and lacks, and whether the limits
//! hold on it.

mod attack;
mod languages;
mod machine;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use patinox_host::{Allocated, Config, Host, PatinoxError, Profile};
use patinox_policy::Report;
use patinox_resources::{Constraints, Detector, Machine, Pressure, Reading, Sampler, Thresholds};
use serde_json::{Value, json};

use crate::args::Doctor;
use crate::error::Error;
use crate::session::Session;
use crate::source::shown;

use languages::Languages;

pub(crate) fn run(session: Session, command: &Doctor) -> Result<ExitCode, Error> {
    if command.attack {
        return attack::run(session);
    }
    look(&session)
}

fn look(session: &Session) -> Result<ExitCode, Error> {
    let settings = &session.settings;
    let folders = [settings.cache_folder(), settings.state_folder()];
    let detector = Detector::new().with_folders(folders.into_iter().flatten());
    let mut sampler = Sampler::new(detector);
    sampler.sample(Instant::now());
    let (allocated, store) = (allocated()?, store(session));
    let languages = Languages::below(Path::new("."));
    // How busy it is since the first look.
    let machine = sampler.sample(Instant::now());
    let pressure = Pressure::new(Thresholds::default()).map_err(PatinoxError::from)?;
    let found = Found {
        reading: pressure.update(&machine),
        machine,
        allocated,
        store,
        languages,
    };
    let short = |path: &Path| shown(&settings.short_path(path).to_string_lossy());
    let text = found.text(short);
    Ok(session.output.done(&found.document(), &text))
}

/// What there is.
struct Found {
    machine: Machine,
    reading: Arc<Reading>,
    allocated: Allocated,
    /// The folder of compiled code, or why there is none.
    store: Result<String, String>,
    languages: Languages,
}

fn store(session: &Session) -> Result<String, String> {
    let settings = &session.settings;
    let folder = settings.cache_folder().ok_or("no folder is known for it")?;
    match session.open_store() {
        Some(Ok(_)) => Ok(shown(&settings.short_path(&folder).to_string_lossy())),
        Some(Err(error)) => Err(Report::of(&error).message),
        None => Err("no folder is known for its key".to_owned()),
    }
}

/// Asks for the memory that a server would: this proves that compiled code can
/// run here.
fn allocated() -> Result<Allocated, Error> {
    let host = Host::new(Config::default())?;
    Ok(host.allocated(Profile::Lean)?)
}

/// Only Linux on x86-64 is tested.
const fn is_tested_platform() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
}

impl Found {
    fn document(&self) -> Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "platform": {
                "os": std::env::consts::OS,
                "arch": std::env::consts::ARCH,
                "tested": is_tested_platform(),
            },
            "machine": machine::document(&self.machine),
            "pressure": machine::pressure(&self.reading),
            "engine": {
                "pool_slots": self.allocated.pool_slots,
                "on_demand_slots": self.allocated.on_demand_slots,
                "memory_reservation_bytes": self.allocated.memory_reservation_bytes,
                "pagemap_scan": self.allocated.pagemap_scan,
            },
            "store": {
                "folder": self.store.as_ref().ok(),
                "trouble": self.store.as_ref().err(),
            },
            "toolchains": self.languages.document(),
        })
    }

    fn text(&self, short: impl Fn(&Path) -> String) -> String {
        let tested = if is_tested_platform() {
            "this platform is tested"
        } else {
            "builds, but is not tested here"
        };
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        let mut lines = vec![
            format!("patinox    {}", env!("CARGO_PKG_VERSION")),
            format!("platform   {os}, {arch}: {tested}"),
        ];
        lines.extend(machine::lines(&self.machine, short));
        lines.extend(machine::pressure_lines(&self.reading));
        lines.extend(engine(&self.allocated));
        lines.push(calls(&self.machine));
        lines.push(match &self.store {
            Ok(folder) => format!("store      compiled code is kept in {folder}"),
            Err(trouble) => format!("store      compiled code is not kept: {trouble}"),
        });
        lines.extend(self.languages.lines());
        lines.join("\n")
    }
}

/// How many calls of which size the memory of the machine bears.
fn calls(machine: &Machine) -> String {
    const MIB: u64 = 1 << 20;
    let constraints = Constraints::of(machine);
    let holders = [16, 64, 1024].map(|mib| constraints.holders(mib * MIB));
    let [small, usual, large] = holders;
    let waiting = constraints.waiting_bytes / MIB;
    format!(
        "           memory for {small} calls of 16 MiB, {usual} of 64 MiB or {large} of 1 GiB at once,\n           and for {waiting} MiB of arguments of those that wait"
    )
}

/// How a server would run calls here.
fn engine(allocated: &Allocated) -> Vec<String> {
    let on_demand = allocated.on_demand_slots;
    let mut lines = vec![match allocated.pool_slots {
        Some(slots) => format!(
            "engine     compiles and runs components; a pool of {slots}, {on_demand} more on demand"
        ),
        None => format!(
            "engine     compiles and runs components; {on_demand} on demand: no address space for a pool"
        ),
    }];
    if allocated.pool_slots.is_some() && !allocated.pagemap_scan {
        lines.push("           safe reset: memory could be swapped out".to_owned());
    }
    if allocated.memory_reservation_bytes < 4 << 30 {
        let most = allocated.memory_reservation_bytes >> 20;
        lines.push(format!(
            "           no memory of a tool grows beyond {most} MiB: address space is limited"
        ));
    }
    lines
}
