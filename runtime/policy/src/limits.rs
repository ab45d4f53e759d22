//! The ceilings of a call, of loading and of admission, by name.

mod error;
mod name;
#[cfg(test)]
mod tests;

pub use error::LimitError;
pub use name::{LimitName, LimitScope};

/// The ceilings of one call.
///
/// All fields are public and the struct is deliberately exhaustive: a test
/// takes it apart without `..`, so a limit without an attack does not compile.
/// The name of a field is the name of its limit with the unit behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `fuel`: computation, in the engine's unit.
    pub fuel: u64,
    /// `wall`: from admission to the encoded result, host waits included.
    pub wall_ms: u64,
    /// `memory`: all linear memories together.
    pub memory_bytes: u64,
    /// `table-elements`: elements of one table.
    pub table_elements: u64,
    /// `tables`: tables, of all core instances together.
    pub tables: u64,
    /// `memories`: linear memories, of all core instances together.
    pub memories: u64,
    /// `core-instances`: core instances that the component is made of.
    pub core_instances: u64,
    /// `handles`: handles to WIT resources that the guest holds at once.
    pub handles: u64,
    /// `host-resources`: what the host holds for the guest at once: streams,
    /// pollables and what they wait for.
    pub host_resources: u64,
    /// `hostcall-bytes`: the host's memory for the values of one call into the
    /// host, or of the result.
    pub hostcall_bytes: u64,
    /// `host-calls`: calls into the host.
    pub host_calls: u64,
    /// `pollables`: pollables that the guest holds, or waits for, at once.
    pub pollables: u64,
    /// `random`: random bytes.
    pub random_bytes: u64,
    /// `arguments`: the arguments as JSON.
    pub arguments_bytes: u64,
    /// `result`: the result as JSON.
    pub result_bytes: u64,
    /// `error-text`: an error's text; cut with a mark.
    pub error_text_bytes: u64,
    /// `stdout`: standard output; cut with a mark.
    pub stdout_bytes: u64,
    /// `stderr`: standard error; cut with a mark.
    pub stderr_bytes: u64,
    /// `log`: log lines; cut with a mark.
    pub log_bytes: u64,
    /// `fs-bytes`: bytes written to files of all folders together, and those by which
    /// files grew without.
    pub fs_bytes: u64,
    /// `fs-files`: files, folders and links made.
    pub fs_files: u64,
    /// `fs-open`: files and folders that are open at once, beside those that were
    /// granted.
    pub fs_open: u64,
    /// `kv-bytes`: what a namespace of the key-value storage may come to by this call,
    /// each entry counted by its value, its key twice and 128 bytes.
    pub kv_bytes: u64,
}

/// The ceilings of loading a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LoadLimits {
    /// `file`: the component's bytes.
    pub file_bytes: u64,
    /// `functions`: functions of all its modules together.
    pub functions: u64,
    /// `nesting`: components and modules inside one another.
    pub nesting: u64,
    /// `all-instances`: core instances that instantiating it makes, counted
    /// through every component inside it.
    pub all_instances: u64,
    /// `compile-wall`: from the call for a compiler to the compiled code, the
    /// wait for one included.
    pub compile_wall_ms: u64,
    /// `compile-cpu`: computing of the compiler, on all its threads together.
    /// The system counts whole seconds; a part of one counts as one.
    pub compile_cpu_ms: u64,
    /// `compile-memory`: address space of the compiler.
    pub compile_memory_bytes: u64,
}

/// The ceilings of admission: how many calls run, and how many wait.
///
/// A call beyond these ends with the code `limit/busy` and a hint when to come
/// back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// `concurrency`: calls of one component that run at once.
    pub concurrency: u64,
    /// `tool-concurrency`: calls of one tool of a component that run at once.
    pub tool_concurrency: u64,
    /// `principal-concurrency`: calls of one principal that run at once, of all
    /// components of a host together.
    pub principal_concurrency: u64,
    /// `queue`: calls that wait, of all components of a host together.
    pub queue: u64,
    /// `queue-wall`: how long a call waits for its turn, in milliseconds.
    pub queue_wall_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 50_000_000_000,
            wall_ms: 10_000,
            memory_bytes: 64 << 20,
            table_elements: 10_000,
            tables: 64,
            memories: 8,
            core_instances: 64,
            handles: 10_000,
            host_resources: 1_000,
            hostcall_bytes: 64 << 20,
            host_calls: 100_000,
            pollables: 256,
            random_bytes: 64 << 10,
            arguments_bytes: 4 << 20,
            result_bytes: 1 << 20,
            error_text_bytes: 4 << 10,
            stdout_bytes: 64 << 10,
            stderr_bytes: 64 << 10,
            log_bytes: 64 << 10,
            fs_bytes: 16 << 20,
            fs_files: 256,
            fs_open: 64,
            kv_bytes: 16 << 20,
        }
    }
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
            functions: 100_000,
            nesting: 16,
            all_instances: 200,
            compile_wall_ms: 120_000,
            compile_cpu_ms: 60_000,
            compile_memory_bytes: 2 << 30,
        }
    }
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            concurrency: 64,
            tool_concurrency: 1_000_000,
            principal_concurrency: 1_000_000,
            queue: 256,
            queue_wall_ms: 5_000,
        }
    }
}

impl Limits {
    /// The value of a limit; `None` for one that does not belong to a call.
    #[must_use]
    pub fn get(&self, name: LimitName) -> Option<u64> {
        let mut copy = *self;
        copy.field(name).copied()
    }

    /// Sets a limit by name, from a text with a unit.
    ///
    /// # Errors
    ///
    /// If there is no such limit of a call, or the value breaks its rule.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        let name: LimitName = name.parse()?;
        assign(self.field(name), LimitScope::Call, name, value)
    }

    const fn field(&mut self, name: LimitName) -> Option<&mut u64> {
        match name {
            LimitName::Fuel => Some(&mut self.fuel),
            LimitName::Wall => Some(&mut self.wall_ms),
            LimitName::Memory => Some(&mut self.memory_bytes),
            LimitName::TableElements => Some(&mut self.table_elements),
            LimitName::Tables => Some(&mut self.tables),
            LimitName::Memories => Some(&mut self.memories),
            LimitName::CoreInstances => Some(&mut self.core_instances),
            LimitName::Handles => Some(&mut self.handles),
            LimitName::HostResources => Some(&mut self.host_resources),
            LimitName::HostcallBytes => Some(&mut self.hostcall_bytes),
            LimitName::HostCalls => Some(&mut self.host_calls),
            LimitName::Pollables => Some(&mut self.pollables),
            LimitName::Random => Some(&mut self.random_bytes),
            LimitName::Arguments => Some(&mut self.arguments_bytes),
            LimitName::Result => Some(&mut self.result_bytes),
            LimitName::ErrorText => Some(&mut self.error_text_bytes),
            LimitName::Stdout => Some(&mut self.stdout_bytes),
            LimitName::Stderr => Some(&mut self.stderr_bytes),
            LimitName::Log => Some(&mut self.log_bytes),
            LimitName::FsBytes => Some(&mut self.fs_bytes),
            LimitName::FsFiles => Some(&mut self.fs_files),
            LimitName::FsOpen => Some(&mut self.fs_open),
            LimitName::KvBytes => Some(&mut self.kv_bytes),
            _ => None,
        }
    }
}

impl LoadLimits {
    /// The value of a limit; `None` for one that does not belong to loading.
    #[must_use]
    pub fn get(&self, name: LimitName) -> Option<u64> {
        let mut copy = *self;
        copy.field(name).copied()
    }

    /// Sets a limit by name, from a text with a unit.
    ///
    /// # Errors
    ///
    /// If there is no such limit of loading, or the value breaks its rule.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        let name: LimitName = name.parse()?;
        assign(self.field(name), LimitScope::Load, name, value)
    }

    const fn field(&mut self, name: LimitName) -> Option<&mut u64> {
        match name {
            LimitName::File => Some(&mut self.file_bytes),
            LimitName::Functions => Some(&mut self.functions),
            LimitName::Nesting => Some(&mut self.nesting),
            LimitName::AllInstances => Some(&mut self.all_instances),
            LimitName::CompileWall => Some(&mut self.compile_wall_ms),
            LimitName::CompileCpu => Some(&mut self.compile_cpu_ms),
            LimitName::CompileMemory => Some(&mut self.compile_memory_bytes),
            _ => None,
        }
    }
}

impl Admission {
    /// The value of a limit; `None` for one that does not belong to admission.
    #[must_use]
    pub fn get(&self, name: LimitName) -> Option<u64> {
        let mut copy = *self;
        copy.field(name).copied()
    }

    /// Sets a limit by name, from a text with a unit.
    ///
    /// # Errors
    ///
    /// If there is no such limit of admission, or the value breaks its rule.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        let name: LimitName = name.parse()?;
        assign(self.field(name), LimitScope::Admission, name, value)
    }

    const fn field(&mut self, name: LimitName) -> Option<&mut u64> {
        match name {
            LimitName::Concurrency => Some(&mut self.concurrency),
            LimitName::ToolConcurrency => Some(&mut self.tool_concurrency),
            LimitName::PrincipalConcurrency => Some(&mut self.principal_concurrency),
            LimitName::Queue => Some(&mut self.queue),
            LimitName::QueueWall => Some(&mut self.queue_wall_ms),
            _ => None,
        }
    }
}

/// Reads a value for a limit into its field, if it has one where it was asked
/// for.
fn assign(
    field: Option<&mut u64>,
    asked: LimitScope,
    name: LimitName,
    value: &str,
) -> Result<(), LimitError> {
    let value = name.parse_value(value)?;
    let field = field.ok_or(LimitError::Misplaced { name, asked })?;
    *field = value;
    Ok(())
}
