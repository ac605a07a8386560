//! One living instance of a driver: its exports, and the calls made through them.

use wasmtime::{
    Extern, Memory, Module, ModuleExport, PoolConcurrencyLimitError, Store, Trap, TypedFunc,
};

use crate::abi::{ByteOrder, Operation, PREFIX_BYTES, answer};
use crate::compiled::Code;
use crate::engine::Tier;
use crate::error::{DriverCode, DriverError};
use crate::guest::{Call, Failure, Fetch, Guest, Outcome, Role, kept, length, poisoned, put};
use crate::limiter::Limiter;
use crate::options::Limits;

/// The type of the functions that convert.
type Convert = TypedFunc<(u32, u32, u32, u32, u32, u32), i32>;
/// The texts that a driver has about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    Version,
    Schema,
}

impl Text {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Version => "get_version",
            Self::Schema => "get_schema",
        }
    }
}

/// Why an instance did not come to be.
pub(crate) enum Unborn {
    /// The process has no room for another: nobody's fault, and over when others go.
    NoRoom(Failure),
    Failed(Failure),
}

impl Unborn {
    pub(crate) fn failure(self) -> Failure {
        match self {
            Self::NoRoom(failure) | Self::Failed(failure) => failure,
        }
    }
}

impl From<Failure> for Unborn {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A driver that lives: instantiated, initialised, with its buffers.
pub(crate) struct Instance {
    guest: Guest,
    convert: [Convert; Operation::ALL.len()],
    texts: [Fetch; 2],
    /// How the code that it runs was compiled.
    tier: Tier,
}

impl Instance {
    /// Instantiates and calls `init`, under the deadline of one call. What the caller does with the
    /// instance before [`Instance::begin`] is under that same deadline.
    pub(crate) fn new(code: &Code, limits: &Limits) -> Result<Self, Unborn> {
        let mut store = Store::new(&code.host.engine, Limiter::new(limits.memory_bytes_max));
        store.limiter(|limiter| limiter);
        store.set_epoch_deadline(limits.deadline_ticks);
        let instance = match code.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(unborn(code, store.data().denied, &error)),
        };
        let mut exports = Living {
            store: &mut store,
            instance,
        };
        let places = &code.exports;
        let init: TypedFunc<(), ()> = exports.typed(&places.init)?;
        let memory = exports.memory(&places.memory)?;
        let alloc = exports.typed(&places.alloc)?;
        let dealloc = exports.typed(&places.dealloc)?;
        let get_last_error = exports.typed(&places.get_last_error)?;
        let [encode, input, output, event] = &places.convert;
        let convert = [
            exports.typed(encode)?,
            exports.typed(input)?,
            exports.typed(output)?,
            exports.typed(event)?,
        ];
        let [version, schema] = &places.texts;
        let texts = [exports.typed(version)?, exports.typed(schema)?];
        let mut guest = Guest::new(store, memory, alloc, dealloc, get_last_error);
        if let Err(error) = init.call(&mut guest.store, ()) {
            return Err(guest.trapped("init", &error).into());
        }
        Ok(Self {
            guest,
            convert,
            texts,
            tier: code.host.tier,
        })
    }

    /// Bytes of linear memory that the instance has after its last call.
    #[inline]
    pub(crate) fn memory_bytes(&self) -> usize {
        self.guest.memory_bytes_after()
    }

    /// How the code that it runs was compiled.
    #[inline]
    pub(crate) fn tier(&self) -> Tier {
        self.tier
    }

    /// Capacity of the output buffer, for other instances to start with.
    #[inline]
    pub(crate) fn output_capacity(&self) -> u32 {
        self.guest.region(Role::Output).capacity
    }

    /// Gives the next call its own deadline, and forgets what an earlier one was refused. Not for the
    /// call that had to start the instance: its deadline runs since then.
    #[inline]
    pub(crate) fn begin(&mut self, limits: &Limits) {
        self.guest.begin(limits);
    }

    /// Forgets what `init` was refused and could do without.
    #[inline]
    pub(crate) fn forget(&mut self) {
        self.guest.forget();
    }

    /// Runs a conversion and hands the driver's output to `read`.
    #[inline]
    pub(crate) fn convert<R>(
        &mut self,
        call: &Call<'_>,
        operation: Operation,
        name: &[u8],
        input: &[u8],
        read: impl FnOnce(&[u8]) -> R,
    ) -> Outcome<R> {
        let limits = call.limits;
        let phase = operation.as_str();
        if name.len() > limits.input_bytes_max || input.len() > limits.input_bytes_max {
            let longest = name.len().max(input.len());
            let message = format!(
                "{longest} bytes, at most {} are allowed",
                limits.input_bytes_max
            );
            return Err(kept(DriverCode::InputTooLarge, phase, message));
        }
        let (name_bytes, input_bytes) = (length(name, phase)?, length(input, phase)?);
        // Even nothing is passed as a pointer that `alloc` returned.
        if name_bytes.max(1) > self.guest.region(Role::Name).capacity {
            self.guest
                .reserve(Role::Name, name_bytes.next_power_of_two())?;
        }
        if input_bytes.max(1) > self.guest.region(Role::Input).capacity {
            self.guest
                .reserve(Role::Input, input_bytes.next_power_of_two())?;
        }
        self.guest.reserve_output(call)?;
        loop {
            let (at_name, at_input) = (
                self.guest.region(Role::Name).start,
                self.guest.region(Role::Input).start,
            );
            let output = self.guest.region(Role::Output);
            let memory = self.guest.memory.data_mut(&mut self.guest.store);
            put(memory, at_name, name, phase)?;
            put(memory, at_input, input, phase)?;
            put(memory, output.start, &[0; PREFIX_BYTES as usize], phase)?;
            let arguments = (
                at_name,
                name_bytes,
                at_input,
                input_bytes,
                output.start,
                output.capacity,
            );
            let code = match self.convert[operation as usize].call(&mut self.guest.store, arguments)
            {
                Ok(code) => code,
                Err(error) => return Err(self.guest.trapped(phase, &error)),
            };
            match code {
                answer::OK => return self.output(call.order, phase).map(read),
                answer::BUFFER_TOO_SMALL => self.guest.grow_output(limits, phase)?,
                code => {
                    let quoted = name.len().saturating_add(input.len());
                    return Err(self.refused(call, code, phase, quoted));
                }
            }
        }
    }

    /// Runs `get_version` or `get_schema`.
    #[inline]
    pub(crate) fn text<R>(
        &mut self,
        call: &Call<'_>,
        which: Text,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Outcome<R> {
        match self.fetch(call, which)? {
            answer::OK => self.output(call.order, which.as_str()).map(read),
            code => Err(self.refused(call, code, which.as_str(), 0)),
        }
    }

    /// How the driver writes lengths, as its version (or, where asked for, its schema) shows;
    /// `None` where that is empty or refused.
    pub(crate) fn detect_order(
        &mut self,
        limits: &Limits,
        from: Text,
        output_capacity: u32,
    ) -> Outcome<Option<ByteOrder>> {
        let guess = Call {
            limits,
            order: ByteOrder::Little,
            output_capacity,
        };
        if self.fetch(&guess, from)? != answer::OK {
            return Ok(None);
        }
        let output = self.guest.region(Role::Output);
        let memory = self.guest.memory.data(&self.guest.store);
        let prefix = memory
            .get(output.start as usize..)
            .and_then(|rest| rest.first_chunk());
        let longest = output.capacity.saturating_sub(PREFIX_BYTES);
        Ok(prefix.and_then(|prefix| ByteOrder::detect(*prefix, longest)))
    }

    /// Calls a function that only writes an output, with growing room, and returns its code.
    #[inline]
    fn fetch(&mut self, call: &Call<'_>, which: Text) -> Outcome<i32> {
        let phase = which.as_str();
        self.guest.reserve_output(call)?;
        loop {
            let output = self.guest.region(Role::Output);
            let memory = self.guest.memory.data_mut(&mut self.guest.store);
            put(memory, output.start, &[0; PREFIX_BYTES as usize], phase)?;
            let arguments = (output.start, output.capacity);
            match self.texts[which as usize].call(&mut self.guest.store, arguments) {
                Ok(answer::BUFFER_TOO_SMALL) => self.guest.grow_output(call.limits, phase)?,
                Ok(code) => return Ok(code),
                Err(error) => return Err(self.guest.trapped(phase, &error)),
            }
        }
    }

    /// The output that the driver wrote, after a check of the length it claims.
    #[inline]
    fn output(&self, order: ByteOrder, phase: &'static str) -> Outcome<&[u8]> {
        self.guest.claimed(Role::Output, order).ok_or_else(|| {
            let capacity = self.guest.region(Role::Output).capacity;
            let message = format!("claims an output longer than its buffer of {capacity} bytes");
            poisoned(DriverCode::Abi, phase, message)
        })
    }

    /// Turns a code other than "done" and "too small" into an error with the driver's own text.
    #[cold]
    fn refused(
        &mut self,
        call: &Call<'_>,
        code: i32,
        phase: &'static str,
        quoted: usize,
    ) -> Failure {
        let kind = match code {
            answer::INVALID_INPUT => DriverCode::InvalidInput,
            answer::OPERATION_ERROR => DriverCode::Operation,
            answer::NOT_INITIALISED => {
                let message = "says that it is not initialised, although init was called";
                return poisoned(DriverCode::Abi, phase, message);
            }
            other => {
                return poisoned(
                    DriverCode::Abi,
                    phase,
                    format!("answers unknown code {other}"),
                );
            }
        };
        match self.guest.last_error(call, quoted) {
            Ok(text) => kept(kind, phase, text),
            Err(failure) => failure,
        }
    }
}

/// Whose fault it is that a module cannot be instantiated.
#[cold]
fn unborn(code: &Code, denied: bool, error: &wasmtime::Error) -> Unborn {
    let failure = |code| poisoned(code, "instantiate", format!("{error:#}"));
    if denied {
        return failure(DriverCode::Memory).into();
    }
    // A segment outside the memory or the table: no other module must pay for that.
    if error.is::<Trap>() {
        return failure(DriverCode::Trap).into();
    }
    let failure = failure(DriverCode::Io);
    // Without a pool what runs out is the address space, which has no error of its own.
    if error.is::<PoolConcurrencyLimitError>() || !code.host.pooled {
        Unborn::NoRoom(failure)
    } else {
        Unborn::Failed(failure)
    }
}

/// Where a module's exports are, which the static check has already seen: found by name once, not for
/// every instance.
pub(crate) struct Exports {
    memory: ModuleExport,
    init: ModuleExport,
    alloc: ModuleExport,
    dealloc: ModuleExport,
    get_last_error: ModuleExport,
    convert: [ModuleExport; Operation::ALL.len()],
    texts: [ModuleExport; 2],
}

impl Exports {
    /// Looks all of them up.
    pub(crate) fn of(module: &Module) -> Result<Self, DriverError> {
        let find = |name: &'static str| {
            module.get_export_index(name).ok_or_else(|| {
                let message = format!("exports no {name}");
                DriverError::new(DriverCode::Rejected, "check", message)
            })
        };
        let [encode, input, output, event] = Operation::ALL.map(Operation::as_str);
        Ok(Self {
            memory: find(crate::abi::MEMORY)?,
            init: find("init")?,
            alloc: find("alloc")?,
            dealloc: find("dealloc")?,
            get_last_error: find("get_last_error")?,
            convert: [find(encode)?, find(input)?, find(output)?, find(event)?],
            texts: [find(Text::Version.as_str())?, find(Text::Schema.as_str())?],
        })
    }
}

/// A new instance, whose exports are being taken.
struct Living<'a> {
    store: &'a mut Store<Limiter>,
    instance: wasmtime::Instance,
}

impl Living<'_> {
    fn memory(&mut self, place: &ModuleExport) -> Outcome<Memory> {
        let found = self.instance.get_module_export(&mut *self.store, place);
        found
            .and_then(Extern::into_memory)
            .ok_or_else(|| poisoned(DriverCode::Abi, "instantiate", "exports no memory"))
    }

    fn typed<P, R>(&mut self, place: &ModuleExport) -> Outcome<TypedFunc<P, R>>
    where
        P: wasmtime::WasmParams,
        R: wasmtime::WasmResults,
    {
        let found = self.instance.get_module_export(&mut *self.store, place);
        let typed = found
            .and_then(Extern::into_func)
            .and_then(|function| function.typed(&*self.store).ok());
        typed.ok_or_else(|| poisoned(DriverCode::Abi, "instantiate", "exports another function"))
    }
}
