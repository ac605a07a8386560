//! Judges a module before anything is compiled, and names all of its faults at once.
//!
//! Two readers look at the same bytes: a scan that goes on after a fault (so that an author sees
//! everything that is wrong, not the first thing), and the validator, whose verdict the compiler
//! relies on. Both know exactly the WebAssembly features that the engine has.

use std::fmt;

use wasmparser::{
    BlockType, ExternalKind, FuncType, MemoryType, Operator, Parser, Payload, TableType, TypeRef,
    ValType, Validator,
};

use crate::abi::{EXPORTS, MEMORY, Signature};
use crate::engine::{FEATURES, TABLE_ELEMENTS_MAX};

/// The largest module accepted, bytes. Published drivers have 0.3 to 0.6 MB.
pub const MODULE_BYTES_MAX: usize = 16 << 20;
/// The most functions accepted.
pub const FUNCTIONS_MAX: u32 = 20_000;
/// The longest body of a function accepted, bytes: compile time grows faster than the body.
pub const FUNCTION_BYTES_MAX: usize = 512 << 10;
/// The most locals of one function accepted. Published drivers have up to 120.
pub const LOCALS_MAX: u32 = 2_000;
/// The most parameters of a type accepted, whether of a function or of a block.
pub const PARAMETERS_MAX: usize = 64;
/// The most results of a type accepted.
pub const RESULTS_MAX: usize = 16;
/// The most that the instructions of one function may make of little. A compiler has something to keep for every
/// argument and result of every call, for every value that a branch takes along, and for every local in every loop:
/// short instructions can ask for gigabytes of it.
pub const FUNCTION_WORK_MAX: u64 = 1_000_000;
/// The same for all functions together.
pub const MODULE_WORK_MAX: u64 = 32_000_000;
/// The most globals accepted.
pub const GLOBALS_MAX: u32 = 1_000;
/// The most data segments, and the most element segments, accepted.
pub const SEGMENTS_MAX: u32 = 10_000;
/// Faults beyond these are counted, not listed.
const FAULTS_LISTED_MAX: usize = 64;

const PAGE_BYTES: u64 = 1 << 16;

/// What the check found out about a module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Everything that is wrong, in the order of the module; empty: the module is accepted.
    pub faults: Vec<Fault>,
    /// Faults that were found beyond those listed.
    pub faults_unlisted: usize,
    /// Memory that an instance has from the start, bytes.
    pub memory_bytes_min: u64,
    /// Functions that the module defines.
    pub functions: u32,
}

/// One reason to refuse a module.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The module has more bytes than [`MODULE_BYTES_MAX`].
    TooLarge(usize),
    /// Not valid WebAssembly of the accepted features; what the validator says, and where.
    Invalid(String, usize),
    /// It imports something. A driver gets nothing from outside.
    Import(String),
    /// It has a start function, which would run before `init`.
    Start,
    /// A required export is missing.
    MissingExport(&'static str),
    /// A required export has another kind or signature.
    MistypedExport(&'static str, String),
    /// It has no memory of its own, or several.
    Memories(u32),
    /// It has several tables.
    Tables(u32),
    /// Its table starts larger than the limit, elements.
    TableTooLarge(u64),
    /// It has more functions than [`FUNCTIONS_MAX`].
    Functions(u32),
    /// A function has a longer body than [`FUNCTION_BYTES_MAX`]: its index and bytes.
    FunctionTooLong(u32, usize),
    /// A function has more locals than [`LOCALS_MAX`]: its index and their count.
    Locals(u32, u64),
    /// A type has more parameters than [`PARAMETERS_MAX`] or results than [`RESULTS_MAX`]: its index and both.
    Signature(usize, usize, usize),
    /// A function comes to more than [`FUNCTION_WORK_MAX`]: its index.
    FunctionWork(u32),
    /// Its functions come to more than [`MODULE_WORK_MAX`].
    ModuleWork,
    /// It has more globals than [`GLOBALS_MAX`].
    Globals(u32),
    /// It has more data or element segments than [`SEGMENTS_MAX`].
    Segments(u32),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(n) => write!(f, "{n} bytes, at most {MODULE_BYTES_MAX}"),
            Self::Invalid(why, at) => write!(f, "invalid at byte {at}: {why}"),
            Self::Import(name) => write!(f, "imports {name}; a driver may import nothing"),
            Self::Start => f.write_str("has a start function"),
            Self::MissingExport(name) => write!(f, "does not export {name}"),
            Self::MistypedExport(name, found) => match Signature::of(name) {
                Some(wanted) => write!(f, "exports {name} as {found}, not as {wanted}"),
                None => write!(f, "exports {name} as {found}"),
            },
            Self::Memories(n) => write!(f, "{n} memories, not 1"),
            Self::Tables(n) => write!(f, "{n} tables, at most 1"),
            Self::TableTooLarge(n) => {
                write!(f, "a table of {n} elements, at most {TABLE_ELEMENTS_MAX}")
            }
            Self::Functions(n) => write!(f, "{n} functions, at most {FUNCTIONS_MAX}"),
            Self::FunctionTooLong(i, n) => {
                write!(
                    f,
                    "function {i} has {n} bytes, at most {FUNCTION_BYTES_MAX}"
                )
            }
            Self::Locals(i, n) => write!(f, "function {i} has {n} locals, at most {LOCALS_MAX}"),
            Self::Signature(i, parameters, results) => write!(
                f,
                "type {i} has {parameters} parameters and {results} results, at most {PARAMETERS_MAX} and {RESULTS_MAX}"
            ),
            Self::FunctionWork(i) => write!(
                f,
                "function {i} has more calls, branches and loops than can be compiled: their arguments, results and locals come to more than {FUNCTION_WORK_MAX}"
            ),
            Self::ModuleWork => write!(
                f,
                "its calls, branches and loops are more than can be compiled: their arguments, results and locals come to more than {MODULE_WORK_MAX}"
            ),
            Self::Globals(n) => write!(f, "{n} globals, at most {GLOBALS_MAX}"),
            Self::Segments(n) => write!(f, "{n} segments, at most {SEGMENTS_MAX}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.faults.is_empty() {
            return f.write_str("the module is accepted");
        }
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        if self.faults_unlisted > 0 {
            write!(f, "; and {} more", self.faults_unlisted)?;
        }
        Ok(())
    }
}

impl Report {
    fn add(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_LISTED_MAX {
            self.faults.push(fault);
        } else {
            self.faults_unlisted = self.faults_unlisted.saturating_add(1);
        }
    }
}

/// Judges `module` without compiling or running any of it.
pub fn check(module: &[u8]) -> Report {
    let mut scan = Scan::default();
    if module.len() > MODULE_BYTES_MAX {
        scan.report.add(Fault::TooLarge(module.len()));
        return scan.report;
    }
    let parsed = scan.walk(module);
    if parsed.is_ok() {
        scan.judge_exports();
    }
    if scan.is_too_much {
        // The validator would have as much to do as the compiler.
        return scan.report;
    }
    let validated = Validator::new_with_features(FEATURES)
        .validate_all(module)
        .map(|_| ());
    // The validator's word is the more precise one; the scan's error is the same or an earlier one.
    if let Err(error) = validated.and(parsed) {
        scan.report
            .add(Fault::Invalid(error.message().to_owned(), error.offset()));
    }
    scan.report
}

/// What has been seen of a module so far.
#[derive(Default)]
struct Scan {
    report: Report,
    types: Vec<FuncType>,
    /// Type index of every function, imported ones first.
    functions: Vec<u32>,
    functions_imported: u32,
    bodies: u32,
    work: u64,
    /// A fault was found that makes more work than a module may.
    is_too_much: bool,
    memories: u32,
    tables: u32,
    globals: u32,
    /// Kind and index of the required exports that were found, in the order of [`EXPORTS`].
    exports: [Option<(ExternalKind, u32)>; EXPORTS.len()],
    memory_export: Option<ExternalKind>,
}

impl Scan {
    fn walk(&mut self, module: &[u8]) -> wasmparser::Result<()> {
        let mut parser = Parser::new(0);
        parser.set_features(FEATURES);
        for payload in parser.parse_all(module) {
            self.visit(payload?)?;
        }
        match self.memories {
            1 => {}
            other => self.report.add(Fault::Memories(other)),
        }
        if self.tables > 1 {
            self.report.add(Fault::Tables(self.tables));
        }
        if self.globals > GLOBALS_MAX {
            self.report.add(Fault::Globals(self.globals));
        }
        Ok(())
    }

    fn visit(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    let ty = ty?;
                    let (parameters, results) = (ty.params().len(), ty.results().len());
                    if parameters > PARAMETERS_MAX || results > RESULTS_MAX {
                        let index = self.types.len();
                        self.too_much(Fault::Signature(index, parameters, results));
                    }
                    self.types.push(ty);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    self.import(&import);
                }
            }
            Payload::FunctionSection(section) => {
                self.report.functions = section.count();
                if section.count() > FUNCTIONS_MAX {
                    self.report.add(Fault::Functions(section.count()));
                }
                for ty in section {
                    self.functions.push(ty?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.table(&table?.ty);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memory(&memory?);
                }
            }
            Payload::GlobalSection(section) => {
                self.globals = self.globals.saturating_add(section.count());
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.export(export.name, export.kind, export.index);
                }
            }
            Payload::StartSection { .. } => self.report.add(Fault::Start),
            Payload::ElementSection(section) => self.segments(section.count()),
            Payload::DataSection(section) => self.segments(section.count()),
            Payload::CodeSectionEntry(body) => self.body(&body)?,
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: &wasmparser::Import<'_>) {
        self.report
            .add(Fault::Import(format!("{}.{}", import.module, import.name)));
        match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.functions.push(ty);
                self.functions_imported = self.functions_imported.saturating_add(1);
            }
            TypeRef::Table(table) => self.table(&table),
            TypeRef::Memory(memory) => self.memory(&memory),
            TypeRef::Global(_) => self.globals = self.globals.saturating_add(1),
            TypeRef::Tag(_) => {}
        }
    }

    fn table(&mut self, table: &TableType) {
        self.tables = self.tables.saturating_add(1);
        if table.initial > TABLE_ELEMENTS_MAX as u64 {
            self.report.add(Fault::TableTooLarge(table.initial));
        }
    }

    fn memory(&mut self, memory: &MemoryType) {
        self.memories = self.memories.saturating_add(1);
        let bytes = memory.initial.saturating_mul(PAGE_BYTES);
        self.report.memory_bytes_min = self.report.memory_bytes_min.max(bytes);
    }

    fn segments(&mut self, count: u32) {
        if count > SEGMENTS_MAX {
            self.report.add(Fault::Segments(count));
        }
    }

    fn export(&mut self, name: &str, kind: ExternalKind, index: u32) {
        if name == MEMORY {
            self.memory_export = Some(kind);
        }
        let slot = EXPORTS.iter().position(|export| export.name == name);
        if let Some(slot) = slot.and_then(|slot| self.exports.get_mut(slot)) {
            *slot = Some((kind, index));
        }
    }

    fn body(&mut self, body: &wasmparser::FunctionBody<'_>) -> wasmparser::Result<()> {
        let index = self.functions_imported.saturating_add(self.bodies);
        self.bodies = self.bodies.saturating_add(1);
        let bytes = body.range().len();
        if bytes > FUNCTION_BYTES_MAX {
            self.report.add(Fault::FunctionTooLong(index, bytes));
        }
        let mut locals = 0u64;
        for declaration in body.get_locals_reader()? {
            locals = locals.saturating_add(u64::from(declaration?.0));
        }
        if locals > u64::from(LOCALS_MAX) {
            self.report.add(Fault::Locals(index, locals));
        }
        let parameters = self.function_type(index).map_or(0, |ty| ty.params().len());
        let work = self.work_of(body, locals.saturating_add(parameters as u64));
        if work > FUNCTION_WORK_MAX {
            self.too_much(Fault::FunctionWork(index));
        }
        let before = self.work;
        self.work = before.saturating_add(work);
        if before <= MODULE_WORK_MAX && self.work > MODULE_WORK_MAX {
            self.too_much(Fault::ModuleWork);
        }
        Ok(())
    }

    fn too_much(&mut self, fault: Fault) {
        self.is_too_much = true;
        self.report.add(fault);
    }

    /// What a compiler has to keep for a body beside the instructions themselves. Instructions that cannot be read end
    /// it: the validator says what is wrong with them.
    fn work_of(&self, body: &wasmparser::FunctionBody<'_>, locals: u64) -> u64 {
        let Ok(operators) = body.get_operators_reader() else {
            return 0;
        };
        let arity = |ty: Option<&FuncType>| {
            ty.map_or(0, |ty| (ty.params().len() + ty.results().len()) as u64)
        };
        let block = |ty: &BlockType| match ty {
            BlockType::Empty => 0,
            BlockType::Type(_) => 1,
            BlockType::FuncType(index) => arity(self.types.get(*index as usize)),
        };
        let (mut work, mut widest) = (0u64, 0u64);
        for operator in operators {
            let more = match operator {
                Ok(Operator::Call { function_index }) => arity(self.function_type(function_index)),
                Ok(Operator::CallIndirect { type_index, .. }) => {
                    arity(self.types.get(type_index as usize))
                }
                Ok(Operator::Loop { blockty }) => {
                    widest = widest.max(block(&blockty));
                    locals.saturating_add(block(&blockty))
                }
                Ok(Operator::Block { blockty } | Operator::If { blockty }) => {
                    widest = widest.max(block(&blockty));
                    block(&blockty)
                }
                // Which block it leads to is not looked at: it may be any.
                Ok(Operator::Br { .. } | Operator::BrIf { .. }) => widest,
                Ok(Operator::BrTable { targets }) => {
                    widest.saturating_mul(u64::from(targets.len()).saturating_add(1))
                }
                Ok(_) => 0,
                Err(_) => break,
            };
            work = work.saturating_add(more);
        }
        work
    }

    fn judge_exports(&mut self) {
        match self.memory_export {
            Some(ExternalKind::Memory) => {}
            Some(other) => {
                self.report.add(Fault::MistypedExport(
                    MEMORY,
                    format!("a {}", kind_name(other)),
                ));
            }
            None => self.report.add(Fault::MissingExport(MEMORY)),
        }
        for (slot, wanted) in EXPORTS.iter().enumerate() {
            match self.exports.get(slot).copied().flatten() {
                None => self.report.add(Fault::MissingExport(wanted.name)),
                Some((ExternalKind::Func | ExternalKind::FuncExact, index)) => {
                    let found = self.function_type(index);
                    if !found.is_some_and(|ty| matches(wanted, ty)) {
                        let found = found.map_or_else(|| "an unknown type".to_owned(), describe);
                        self.report.add(Fault::MistypedExport(wanted.name, found));
                    }
                }
                Some((other, _)) => {
                    let found = format!("a {}", kind_name(other));
                    self.report.add(Fault::MistypedExport(wanted.name, found));
                }
            }
        }
    }

    fn function_type(&self, function: u32) -> Option<&FuncType> {
        let ty = self.functions.get(usize::try_from(function).ok()?)?;
        self.types.get(usize::try_from(*ty).ok()?)
    }
}

fn matches(wanted: &Signature, found: &FuncType) -> bool {
    found.params().len() == wanted.params
        && found.results().len() == wanted.results
        && found
            .params()
            .iter()
            .chain(found.results())
            .all(|ty| *ty == ValType::I32)
}

fn describe(ty: &FuncType) -> String {
    // Signatures come from the module: a long one is cut.
    let list = |types: &[ValType]| {
        let shown: Vec<_> = types.iter().take(8).map(ToString::to_string).collect();
        let more = if types.len() > shown.len() {
            ", …"
        } else {
            ""
        };
        format!("({}{more})", shown.join(", "))
    };
    format!("{} -> {}", list(ty.params()), list(ty.results()))
}

const fn kind_name(kind: ExternalKind) -> &'static str {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => "function",
        ExternalKind::Table => "table",
        ExternalKind::Memory => "memory",
        ExternalKind::Global => "global",
        ExternalKind::Tag => "tag",
    }
}
