//! Foretells what inlining would make of a module, because it is the module that decides: a chain of
//! functions that call each other often grows from kilobytes to gigabytes in the compiler.
//!
//! The compiler inlines from the leaves up, while caller and callee together stay below a size. So
//! does this, with the sizes alone.

use wasmparser::{Operator, Parser, Payload};

/// Calls are inlined while caller and callee together stay below this many instructions. (The
/// engine's default is 2,000. Up to here the field arithmetic of published drivers becomes faster.)
pub(crate) const INLINED_SIZE_MAX: u32 = 5_000;
/// Modules for which the compiler would have more work than this are compiled without inlining.
/// Published drivers reach two thirds of it, for which the compiler needs half a gigabyte.
const WORK_MAX: u64 = 2_000_000;
/// The work that a call makes, beside that of an instruction.
const CALL_WORK: u64 = 20;

/// A function as the inliner sees it.
struct Function {
    size: u32,
    /// The functions that it calls, once for each call.
    calls: Vec<u32>,
}

/// Whether a module that the static check has accepted stays small enough.
pub(crate) fn stays_small(module: &[u8]) -> bool {
    let functions = functions(module);
    functions.is_ok_and(|functions| work(&functions) <= WORK_MAX)
}

fn functions(module: &[u8]) -> wasmparser::Result<Vec<Function>> {
    let mut functions = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CodeSectionEntry(body) = payload? else {
            continue;
        };
        // The checks of stack and deadline at its entry.
        let mut function = Function {
            size: 10,
            calls: Vec::new(),
        };
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            // Nothing is imported, so calls name defined functions.
            if let Operator::Call { function_index } = operator {
                function.calls.push(function_index);
            }
            function.size = function.size.saturating_add(weight(&operator));
        }
        functions.push(function);
    }
    Ok(functions)
}

/// Instructions that an operator becomes, roughly.
const fn weight(operator: &Operator<'_>) -> u32 {
    match operator {
        Operator::LocalGet { .. }
        | Operator::LocalSet { .. }
        | Operator::LocalTee { .. }
        | Operator::Block { .. }
        | Operator::End
        | Operator::Drop
        | Operator::Nop => 0,
        Operator::Loop { .. } => 8,
        Operator::CallIndirect { .. } => 10,
        _ => 2,
    }
}

/// What a function is after inlining.
#[derive(Debug, Clone, Copy)]
struct Inlined {
    size: u32,
    calls: u64,
}

/// The work of compiling all functions after inlining.
fn work(functions: &[Function]) -> u64 {
    let mut done: Vec<Option<Inlined>> = vec![None; functions.len()];
    let mut entered = vec![false; functions.len()];
    let mut total = 0u64;
    for root in 0..functions.len() {
        // A function waits here until all that it calls are done; those that are on their way already
        // call each other in a circle, and are not inlined.
        let mut waiting = vec![(root, false)];
        while let Some((index, ready)) = waiting.pop() {
            let Some(function) = functions.get(index) else {
                continue;
            };
            if ready {
                let inlined = merged(function, &done);
                done[index] = Some(inlined);
                let calls = inlined.calls.saturating_mul(CALL_WORK);
                total = total.saturating_add(u64::from(inlined.size).saturating_add(calls));
            } else if !std::mem::replace(&mut entered[index], true) {
                waiting.push((index, true));
                let callees = function.calls.iter().map(|callee| *callee as usize);
                waiting.extend(
                    callees
                        .filter(|callee| entered.get(*callee) == Some(&false))
                        .map(|callee| (callee, false)),
                );
            }
        }
    }
    total
}

/// A function with those of its callees that fit.
fn merged(function: &Function, done: &[Option<Inlined>]) -> Inlined {
    let alone = Inlined {
        size: function.size,
        calls: function.calls.len() as u64,
    };
    function.calls.iter().fold(alone, |caller, callee| {
        let Some(callee) = done.get(*callee as usize).copied().flatten() else {
            return caller;
        };
        let size = caller.size.saturating_add(callee.size);
        if size > INLINED_SIZE_MAX {
            return caller;
        }
        let calls = caller.calls.saturating_add(callee.calls);
        Inlined { size, calls }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(size: u32, calls: &[u32]) -> Function {
        Function {
            size,
            calls: calls.to_vec(),
        }
    }

    #[test]
    fn callees_count_where_they_fit() {
        assert_eq!(work(&[]), 0);
        let leaf = || function(100, &[]);
        assert_eq!(work(&[leaf(), function(50, &[0])]), 100 + 150 + 20);
        // Whatever the order in which they stand.
        assert_eq!(work(&[function(50, &[1]), leaf()]), 100 + 150 + 20);
        let large = || function(4_990, &[]);
        assert_eq!(work(&[large(), function(50, &[0])]), 4_990 + 50 + 20);
    }

    #[test]
    fn circles_end() {
        assert_eq!(work(&[function(10, &[0])]), 10 + 20);
        let circle = [function(10, &[1]), function(10, &[2]), function(10, &[0])];
        assert!(work(&circle) <= 3 * (30 + 60));
        let nobody = function(10, &[77]);
        assert_eq!(work(&[nobody]), 10 + 20);
    }

    /// Each function calls the one before it often: kilobytes that would become gigabytes.
    #[test]
    fn a_chain_of_calls_is_found_out() {
        let chain: Vec<_> = (0..900u32)
            .map(|index| function(100, &[index.saturating_sub(1); 20]))
            .collect();
        let written: u64 = chain.iter().map(|one| u64::from(one.size)).sum();
        assert!(written < WORK_MAX / 10);
        assert!(work(&chain) > WORK_MAX);
    }
}
