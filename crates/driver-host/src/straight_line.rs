//! What a function without branches computes, told independently of how its compiler put it.
//!
//! Values are numbered: equal values have equal numbers wherever they are computed, whatever the order
//! of instructions, of summands and of factors. Only what products of wide integers are made of is
//! understood.

use std::collections::HashMap;

use wasmparser::{BinaryReaderError, FunctionBody, MemArg, Operator};

/// The most summands that are kept apart: a sum that is added to itself again and again has as many as
/// it likes.
const SUMMANDS_MAX: usize = 16;

/// A value's number among [`Values`].
pub(crate) type Id = u32;

/// A value, by those that it is computed from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Value {
    Parameter(u32),
    Constant(i64),
    /// Modulo 2^64; the summands in ascending order, none of them a sum.
    Sum(Vec<Id>),
    /// Modulo 2^64; as the two below, with the lesser number first.
    Product(Id, Id),
    And(Id, Id),
    Or(Id, Id),
    ShiftedLeft(Id, Id),
    /// Without a sign.
    ShiftedRight(Id, Id),
    /// 1 where the first is less than the second, both without a sign; else 0.
    Less(Id, Id),
}

/// All values that were met.
#[derive(Debug, Default)]
pub(crate) struct Values {
    numbers: HashMap<Value, Id>,
    /// The values, by their numbers.
    values: Vec<Value>,
}

/// A 64-bit value that a function writes to memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) address: Id,
    pub(crate) offset: u64,
    pub(crate) value: Id,
}

impl Values {
    fn number(&mut self, value: Value) -> Id {
        if let Some(known) = self.numbers.get(&value) {
            return *known;
        }
        // A function has fewer instructions than that.
        #[allow(clippy::cast_possible_truncation)]
        let new = self.values.len() as Id;
        self.values.push(value.clone());
        self.numbers.insert(value, new);
        new
    }

    pub(crate) fn parameter(&mut self, index: u32) -> Id {
        self.number(Value::Parameter(index))
    }

    pub(crate) fn constant(&mut self, value: i64) -> Id {
        self.number(Value::Constant(value))
    }

    /// `None` where there are too many summands.
    pub(crate) fn sum(&mut self, of: &[Id]) -> Option<Id> {
        let mut summands = Vec::with_capacity(of.len());
        for summand in of {
            match &self.values[*summand as usize] {
                Value::Sum(own) => summands.extend_from_slice(own),
                _ => summands.push(*summand),
            }
        }
        summands.sort_unstable();
        (summands.len() <= SUMMANDS_MAX).then(|| self.number(Value::Sum(summands)))
    }

    pub(crate) fn product(&mut self, a: Id, b: Id) -> Id {
        self.number(Value::Product(a.min(b), a.max(b)))
    }

    pub(crate) fn and(&mut self, a: Id, b: Id) -> Id {
        self.number(Value::And(a.min(b), a.max(b)))
    }

    pub(crate) fn or(&mut self, a: Id, b: Id) -> Id {
        self.number(Value::Or(a.min(b), a.max(b)))
    }

    pub(crate) fn shifted_left(&mut self, value: Id, bits: Id) -> Id {
        self.number(Value::ShiftedLeft(value, bits))
    }

    pub(crate) fn shifted_right(&mut self, value: Id, bits: Id) -> Id {
        self.number(Value::ShiftedRight(value, bits))
    }

    pub(crate) fn less(&mut self, a: Id, b: Id) -> Id {
        self.number(Value::Less(a, b))
    }

    /// What a valid function of so many parameters, without results, writes to memory, in its order.
    /// `None` where it does anything else, or what is not understood.
    pub(crate) fn stored_by(
        &mut self,
        body: &FunctionBody<'_>,
        parameters: u32,
    ) -> Option<Vec<Stored>> {
        self.run(body, parameters).ok().flatten()
    }

    fn run(
        &mut self,
        body: &FunctionBody<'_>,
        parameters: u32,
    ) -> Result<Option<Vec<Stored>>, BinaryReaderError> {
        let mut locals: Vec<Id> = (0..parameters).map(|index| self.parameter(index)).collect();
        for declared in body.get_locals_reader()? {
            let (count, _) = declared?;
            let zero = self.constant(0);
            locals.resize(locals.len().saturating_add(count as usize), zero);
        }
        let mut stack = Vec::new();
        let mut stored = Vec::new();
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::End => return Ok(Some(stored)),
                Operator::I64Store {
                    memarg:
                        MemArg {
                            offset, memory: 0, ..
                        },
                } => {
                    let (Some(value), Some(address)) = (stack.pop(), stack.pop()) else {
                        return Ok(None);
                    };
                    stored.push(Stored {
                        address,
                        offset,
                        value,
                    });
                }
                other => {
                    if self.step(&other, &mut locals, &mut stack).is_none() {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(None)
    }

    /// An instruction that only computes; `None` where it is not understood.
    fn step(
        &mut self,
        operator: &Operator<'_>,
        locals: &mut [Id],
        stack: &mut Vec<Id>,
    ) -> Option<()> {
        let value = match operator {
            Operator::LocalGet { local_index } => *locals.get(*local_index as usize)?,
            Operator::LocalSet { local_index } => {
                *locals.get_mut(*local_index as usize)? = stack.pop()?;
                return Some(());
            }
            Operator::LocalTee { local_index } => {
                let value = stack.pop()?;
                *locals.get_mut(*local_index as usize)? = value;
                value
            }
            Operator::I64Const { value } => self.constant(*value),
            // What is compared is 0 or 1 in either width.
            Operator::I64ExtendI32U => stack.pop()?,
            binary => {
                let (b, a) = (stack.pop()?, stack.pop()?);
                match binary {
                    Operator::I64Add => self.sum(&[a, b])?,
                    Operator::I64Mul => self.product(a, b),
                    Operator::I64And => self.and(a, b),
                    Operator::I64Or => self.or(a, b),
                    Operator::I64Shl => self.shifted_left(a, b),
                    Operator::I64ShrU => self.shifted_right(a, b),
                    Operator::I64LtU => self.less(a, b),
                    Operator::I64GtU => self.less(b, a),
                    _ => return None,
                }
            }
        };
        stack.push(value);
        Some(())
    }
}
