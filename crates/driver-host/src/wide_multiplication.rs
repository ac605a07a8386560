//! Has the processor multiply 64 by 64 bits where a module does so in software.
//!
//! WebAssembly of today has no such instruction, so compilers call a function of their run-time
//! library, `__multi3`, which puts the product together from smaller ones. Field arithmetic of curves
//! does little else. The proposal for wide arithmetic has the instruction, and the engine knows it,
//! but no published module may use it yet: so the function is recognised by what it computes, and its
//! body becomes one that does. Both write the same bytes to the same places, and trap alike.

use std::borrow::Cow;

use wasmparser::{FuncType, FunctionBody, Parser, Payload, ValType};

use crate::straight_line::{Id, Stored, Values};

/// Longer bodies do more than multiply. Compilers need about a hundred bytes.
const BODY_BYTES_MAX: usize = 256;

/// The local that holds where the product goes.
const RESULT: u8 = 0;

/// A function that writes `a * b` modulo 2^128 to the address in its first parameter, the low half
/// first: the parameters in which it gets the halves.
#[derive(Debug, Clone, Copy)]
struct Multiplication {
    parameters: u8,
    a: Wide,
    b: Wide,
}

/// A factor of 128 bits, by its parameters. Compilers leave out a high half that is always 0.
#[derive(Debug, Clone, Copy)]
struct Wide {
    low: u8,
    high: Option<u8>,
}

/// The module, which must be valid and import nothing, with the processor's multiplication for the
/// software's.
pub(crate) fn by_the_processor(module: &[u8]) -> Cow<'_, [u8]> {
    let mut types: Vec<Option<FuncType>> = Vec::new();
    let mut functions: Vec<u32> = Vec::new();
    let mut index = 0;
    let mut changed = Cow::Borrowed(module);
    for payload in Parser::new(0).parse_all(module) {
        match payload {
            Ok(Payload::TypeSection(section)) => {
                types.extend(section.into_iter_err_on_gc_types().map(Result::ok));
            }
            Ok(Payload::FunctionSection(section)) => {
                functions.extend(section.into_iter().map_while(Result::ok));
            }
            Ok(Payload::CodeSectionEntry(body)) => {
                let of = functions.get(index).and_then(|of| types.get(*of as usize));
                index += 1;
                let Some(Some(of)) = of else { continue };
                if let Some(found) = recognise(of, &body) {
                    replace(&mut changed, &body, found);
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    changed
}

/// Whether a function multiplies, and does nothing else.
fn recognise(of: &FuncType, body: &FunctionBody<'_>) -> Option<Multiplication> {
    let [ValType::I32, halves @ ..] = of.params() else {
        return None;
    };
    let plain = of.results().is_empty() && halves.iter().all(|half| *half == ValType::I64);
    if !plain || body.as_bytes().len() > BODY_BYTES_MAX {
        return None;
    }
    let factors: &[(Wide, Wide)] = match halves.len() {
        2 => &[(Wide::short(1), Wide::short(2))],
        3 => &[
            (Wide::short(1), Wide::long(2, 3)),
            (Wide::long(1, 2), Wide::short(3)),
        ],
        4 => &[(Wide::long(1, 2), Wide::long(3, 4))],
        _ => return None,
    };
    let parameters = u8::try_from(of.params().len()).ok()?;
    let mut values = Values::default();
    let stored = values.stored_by(body, u32::from(parameters))?;
    let possible = factors.iter().map(|(a, b)| Multiplication {
        parameters,
        a: *a,
        b: *b,
    });
    let mut possible = possible.filter(|possible| possible.is_what(&stored, &mut values));
    possible.next()
}

impl Wide {
    const fn short(low: u8) -> Self {
        Self { low, high: None }
    }

    const fn long(low: u8, high: u8) -> Self {
        let high = Some(high);
        Self { low, high }
    }
}

impl Multiplication {
    /// Whether a function that stores so much multiplies like this.
    fn is_what(self, stored: &[Stored], values: &mut Values) -> bool {
        let [low, high] = stored else { return false };
        let address = values.parameter(u32::from(RESULT));
        let places = [low, high].map(|half| (half.address, half.offset));
        if places != [(address, 0), (address, 8)] {
            return false;
        }
        let products = self.products(values);
        products.is_some_and(|products| products.contains(&[low.value, high.value]))
    }

    /// The product's halves, in each way in which carries may be noticed: a sum that has become less
    /// than one of its summands has become less than the other too.
    fn products(self, values: &mut Values) -> Option<Vec<[Id; 2]>> {
        let bits = values.constant(32);
        let ones = values.constant(0xffff_ffff);
        let [a, b] = [self.a.low, self.b.low].map(|low| values.parameter(u32::from(low)));
        let [a_low, b_low] = [a, b].map(|whole| values.and(whole, ones));
        let [a_high, b_high] = [a, b].map(|whole| values.shifted_right(whole, bits));
        let least = values.product(a_low, b_low);
        let middles = [values.product(a_low, b_high), values.product(a_high, b_low)];
        let most = values.product(a_high, b_high);
        let middle = values.sum(&middles)?;
        let middle_low = values.shifted_left(middle, bits);
        let middle_high = values.shifted_right(middle, bits);
        let low = values.sum(&[least, middle_low])?;
        let mut across = Vec::new();
        for (one, high) in [(self.a, self.b), (self.b, self.a)] {
            if let Some(high) = high.high {
                let [one, high] = [one.low, high].map(|half| values.parameter(u32::from(half)));
                across.push(values.product(one, high));
            }
        }
        let mut products = Vec::new();
        for summand in middles {
            let carry = values.less(middle, summand);
            let carry = values.shifted_left(carry, bits);
            let above = values.or(carry, middle_high);
            for summand in [least, middle_low] {
                let carry = values.less(low, summand);
                let mut summands = vec![most, above, carry];
                summands.extend_from_slice(&across);
                products.push([low, values.sum(&summands)?]);
            }
        }
        Some(products)
    }

    /// The body of a function that does the same with the processor's multiplication.
    fn body(self) -> Vec<u8> {
        let (low, high) = (self.parameters, self.parameters + 1);
        let (get, set) = (|local| [0x20, local], |local| [0x21, local]);
        const MULTIPLY: u8 = 0x7e;
        const ADD: u8 = 0x7c;
        const STORE: u8 = 0x37;
        const ALIGNED_8: u8 = 3;
        // One declaration: two locals, i64.
        let mut body = vec![1, 2, 0x7e];
        for code in [
            get(self.a.low),
            get(self.b.low),
            MULTIPLY_WIDE,
            set(high),
            set(low),
        ] {
            body.extend_from_slice(&code);
        }
        body.extend_from_slice(&[get(RESULT), get(low)].concat());
        body.extend_from_slice(&[STORE, ALIGNED_8, 0]);
        body.extend_from_slice(&[get(RESULT), get(high)].concat());
        for (one, other) in [(self.a, self.b), (self.b, self.a)] {
            if let Some(high) = other.high {
                body.extend_from_slice(&[get(one.low), get(high), [MULTIPLY, ADD]].concat());
            }
        }
        body.extend_from_slice(&[STORE, ALIGNED_8, 8]);
        body
    }
}

/// `i64.mul_wide_u`
const MULTIPLY_WIDE: [u8; 2] = [0xfc, 0x16];
const NOP: u8 = 0x01;
const END: u8 = 0x0b;

/// Puts another body in a function's place. What it leaves of the room is filled with instructions
/// that do nothing, so that no length in the module changes.
fn replace(module: &mut Cow<'_, [u8]>, body: &FunctionBody<'_>, found: Multiplication) {
    let code = found.body();
    let room = &mut module.to_mut()[body.range()];
    if let Some((end, room)) = room.split_last_mut()
        && let Some((start, rest)) = room.split_at_mut_checked(code.len())
    {
        start.copy_from_slice(&code);
        rest.fill(NOP);
        *end = END;
    }
}

#[cfg(test)]
#[path = "../tests/common/published.rs"]
mod published;

#[cfg(test)]
mod tests {
    use wasmparser::Validator;

    use super::*;
    use crate::engine::{self, FEATURES, Tier};

    /// Which high halves a function gets.
    const HIGH_HALVES: [(bool, bool); 4] =
        [(false, false), (true, false), (false, true), (true, true)];

    /// As Rust 1.96 has it.
    const OF_1_96: &str = "
        local.get $result
        local.get $b i64.const 4294967295 i64.and local.tee $5
        local.get $a i64.const 4294967295 i64.and local.tee $6
        i64.mul local.tee $7
        local.get $b i64.const 32 i64.shr_u local.tee $8
        local.get $6 i64.mul local.tee $6
        local.get $5 local.get $a i64.const 32 i64.shr_u local.tee $9 i64.mul
        i64.add local.tee $5
        i64.const 32 i64.shl i64.add local.tee $10 i64.store
        local.get $result
        local.get $8 local.get $9 i64.mul
        local.get $5 local.get $6 i64.lt_u i64.extend_i32_u i64.const 32 i64.shl
        local.get $5 i64.const 32 i64.shr_u i64.or i64.add
        local.get $10 local.get $7 i64.lt_u i64.extend_i32_u i64.add";

    /// As Rust 1.82 had it, but for the locals' names.
    const OF_1_82: &str = "
        local.get $result
        local.get $b i64.const 4294967295 i64.and local.tee $5
        local.get $a i64.const 4294967295 i64.and local.tee $6
        i64.mul local.tee $7
        local.get $6 local.get $b i64.const 32 i64.shr_u local.tee $8 i64.mul local.tee $6
        local.get $5 local.get $a i64.const 32 i64.shr_u local.tee $9 i64.mul
        i64.add local.tee $10
        i64.const 32 i64.shl i64.add local.tee $5 i64.store
        local.get $result
        local.get $5 local.get $7 i64.lt_u i64.extend_i32_u
        local.get $8 local.get $9 i64.mul
        local.get $10 local.get $6 i64.lt_u i64.extend_i32_u i64.const 32 i64.shl
        local.get $10 i64.const 32 i64.shr_u i64.or i64.add i64.add";

    /// A module with that function as its only one.
    fn module(code: &str, (a_high, b_high): (bool, bool)) -> Vec<u8> {
        let when = |there: bool, text: &'static str| if there { text } else { "" };
        let text = format!(
            r#"(module (memory (export "memory") 1 1)
              (func (export "multiply") (param $result i32)
                (param $a i64) {} (param $b i64) {} (local $5 i64) (local $6 i64) (local $7 i64)
                (local $8 i64) (local $9 i64) (local $10 i64)
                {code} {} {} i64.store offset=8))"#,
            when(a_high, "(param $a_high i64)"),
            when(b_high, "(param $b_high i64)"),
            when(a_high, "local.get $a_high local.get $b i64.mul i64.add"),
            when(b_high, "local.get $a local.get $b_high i64.mul i64.add"),
        );
        wat::parse_str(text).expect("a module")
    }

    /// Every form of the function.
    fn forms() -> impl Iterator<Item = ((bool, bool), Vec<u8>)> {
        let codes = [OF_1_96, OF_1_82].into_iter();
        codes.flat_map(|code| HIGH_HALVES.map(|high| (high, module(code, high))))
    }

    /// The module as it was, and with the processor's multiplication.
    struct Both {
        high: (bool, bool),
        modules: [Multiplier; 2],
    }

    struct Multiplier {
        store: wasmtime::Store<()>,
        memory: wasmtime::Memory,
        multiply: wasmtime::Func,
    }

    #[allow(clippy::cast_possible_truncation)]
    fn halves(value: u128) -> [u64; 2] {
        [value as u64, (value >> 64) as u64]
    }

    impl Both {
        fn new(high: (bool, bool), software: &[u8], processor: &[u8]) -> Self {
            let modules = [software, processor].map(Multiplier::new);
            Self { high, modules }
        }

        /// What each makes of two factors at an address; `None` where it traps.
        fn multiply(&mut self, at: u32, a: u128, b: u128) -> [Option<u128>; 2] {
            let [a, b] = [halves(a), halves(b)];
            let mut arguments = vec![wasmtime::Val::I32(at.cast_signed())];
            for ([low, high], long) in [(a, self.high.0), (b, self.high.1)] {
                arguments.push(low.cast_signed().into());
                if long {
                    arguments.push(high.cast_signed().into());
                }
            }
            self.modules
                .each_mut()
                .map(|one| one.multiply(at, &arguments))
        }

        /// Factors, without the halves that the function does not get, and their product.
        fn expected(&self, a: u128, b: u128) -> (u128, u128, u128) {
            let low = |value: u128| value & u128::from(u64::MAX);
            let a = if self.high.0 { a } else { low(a) };
            let b = if self.high.1 { b } else { low(b) };
            (a, b, a.wrapping_mul(b))
        }
    }

    impl Multiplier {
        fn new(module: &[u8]) -> Self {
            let engine = &engine::host(Tier::Plain).expect("an engine").engine;
            let module = wasmtime::Module::new(engine, module).expect("valid");
            let mut store = wasmtime::Store::new(engine, ());
            store.set_epoch_deadline(u64::MAX >> 1);
            let instance = wasmtime::Instance::new(&mut store, &module, &[]).expect("it starts");
            let memory = instance.get_memory(&mut store, "memory");
            let multiply = instance.get_func(&mut store, "multiply");
            Self {
                memory: memory.expect("exported"),
                multiply: multiply.expect("exported"),
                store,
            }
        }

        fn multiply(&mut self, at: u32, arguments: &[wasmtime::Val]) -> Option<u128> {
            let called = self.multiply.call(&mut self.store, arguments, &mut []);
            called.ok()?;
            let mut bytes = [0; 16];
            let read = self.memory.read(&self.store, at as usize, &mut bytes);
            read.expect("in memory");
            Some(u128::from_le_bytes(bytes))
        }
    }

    /// Numbers of 128 bits, of halves at which carries begin and end.
    fn edges() -> impl Iterator<Item = u128> {
        const EDGES: [u64; 9] = [
            0,
            1,
            2,
            0xffff_ffff,
            1 << 32,
            0x1_0000_0001,
            0x7fff_ffff_ffff_ffff,
            1 << 63,
            u64::MAX,
        ];
        let wide = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
        EDGES
            .into_iter()
            .flat_map(move |high| EDGES.map(|low| wide(high, low)))
    }

    #[test]
    fn what_is_put_in_its_place_multiplies() {
        for (high, software) in forms() {
            let processor = by_the_processor(&software);
            assert!(
                matches!(processor, Cow::Owned(_)),
                "{high:?} is not recognised"
            );
            let mut both = Both::new(high, &software, &processor);
            let mut agree = |a: u128, b: u128| {
                let (a, b, product) = both.expected(a, b);
                let [left, right] = both.multiply(24, a, b);
                assert_eq!(
                    [left, right],
                    [Some(product); 2],
                    "{high:?}: {a:#x} * {b:#x}"
                );
            };
            for a in edges() {
                edges().for_each(|b| agree(a, b));
            }
            let mut random = (1u128, 1u128);
            for _ in 0..10_000 {
                let (a, b) = random;
                agree(a, b);
                let factor = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
                random = (b, a.wrapping_mul(factor) ^ b.rotate_left(29));
            }
            // There is no room for the high half.
            assert_eq!(both.multiply((1 << 16) - 8, 3, 5), [None, None]);
        }
    }

    /// Flips each bit of the function: what is still recognised, if valid, still multiplies.
    #[test]
    fn whatever_is_recognised_multiplies() {
        let (mut refused, mut accepted) = (0, 0);
        for (high, software) in forms() {
            let body = body_of(&software);
            for bit in 0..body.len() * 8 {
                let mut other = software.clone();
                other[body.start + bit / 8] ^= 1 << (bit % 8);
                if Validator::new_with_features(FEATURES)
                    .validate_all(&other)
                    .is_err()
                {
                    continue;
                }
                let changed = by_the_processor(&other);
                let Cow::Owned(processor) = changed else {
                    refused += 1;
                    continue;
                };
                accepted += 1;
                let mut both = Both::new(high, &other, &processor);
                for (a, b) in edges().zip(edges().skip(7).chain(edges())) {
                    let (a, b, product) = both.expected(a, b);
                    let found = both.multiply(40, a, b);
                    assert_eq!(
                        found,
                        [Some(product); 2],
                        "{high:?}, bit {bit}: {a:#x} * {b:#x}"
                    );
                }
            }
        }
        assert!(refused > 1_000 && accepted > 0, "{refused}, {accepted}");
    }

    fn body_of(module: &[u8]) -> std::ops::Range<usize> {
        let bodies = Parser::new(0)
            .parse_all(module)
            .filter_map(|payload| match payload {
                Ok(Payload::CodeSectionEntry(body)) => Some(body.range()),
                _ => None,
            });
        bodies.last().expect("a function")
    }

    #[test]
    fn nothing_else_is_touched() {
        for (_, module) in forms() {
            let body = body_of(&module);
            let changed = by_the_processor(&module);
            assert_eq!(changed.len(), module.len());
            assert_eq!(changed[..body.start], module[..body.start]);
            assert_eq!(changed[body.end..], module[body.end..]);
            // The same bytes, where they are no function.
            let data = module[body].iter().map(|byte| format!("\\{byte:02x}"));
            let data: String = data.collect();
            let text = format!(r#"(module (memory 1) (data (i32.const 0) "{data}"))"#);
            let data = wat::parse_str(text).expect("a module");
            assert!(matches!(by_the_processor(&data), Cow::Borrowed(_)));
        }
    }

    /// A sum that doubles with every instruction would need more memory than there is.
    #[test]
    fn sums_stay_small() {
        let doubling = "local.get $a local.get $a i64.add local.set $a ".repeat(30);
        let module = module(
            &format!("{doubling} local.get $result local.get $a"),
            (false, false),
        );
        assert!(body_of(&module).len() < BODY_BYTES_MAX);
        assert!(matches!(by_the_processor(&module), Cow::Borrowed(_)));
    }

    #[test]
    fn published_drivers_have_it() {
        for name in ["stake.wasm", "transfer.wasm"] {
            let Some(module) = published::module(name) else {
                return;
            };
            assert!(matches!(by_the_processor(&module), Cow::Owned(_)), "{name}");
        }
    }
}
