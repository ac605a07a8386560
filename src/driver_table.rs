//! The drivers that a thread's JavaScript holds, by number: what a call names one by.
//!
//! Unwrapping an object with its type check costs more than a small conversion; a number costs nothing, and one
//! that means no driver, or another one, is a wrong answer at worst.

use std::cell::RefCell;
use std::rc::Rc;

use libmetachain_driver_host::Driver;

#[derive(Default)]
struct Table {
    drivers: Vec<Option<Rc<Driver>>>,
    free: Vec<u32>,
}

thread_local! {
    static TABLE: RefCell<Table> = RefCell::default();
}

/// A driver's place in the table of its thread, given up when dropped. Stays on that thread.
pub(crate) struct Place {
    driver: Rc<Driver>,
    number: u32,
}

impl Place {
    pub(crate) fn take(driver: Driver) -> Self {
        let driver = Rc::new(driver);
        let number = TABLE.with_borrow_mut(|table| {
            let entry = Some(Rc::clone(&driver));
            if let Some(number) = table.free.pop()
                && let Some(place) = table.drivers.get_mut(number as usize)
            {
                *place = entry;
                return number;
            }
            table.drivers.push(entry);
            // As many drivers as a number can tell apart do not fit any memory.
            u32::try_from(table.drivers.len() - 1).unwrap_or(u32::MAX)
        });
        Self { driver, number }
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // When the thread ends, the table may go first.
        let _ = TABLE.try_with(|table| {
            let mut table = table.borrow_mut();
            if let Some(place) = table.drivers.get_mut(self.number as usize) {
                *place = None;
                table.free.push(self.number);
            }
        });
    }
}

/// The driver of that number. Kept alive by what is returned, whatever is collected meanwhile.
#[inline]
pub(crate) fn driver(number: u32) -> Option<Rc<Driver>> {
    TABLE.with_borrow(|table| table.drivers.get(number as usize)?.clone())
}
