//! One call from JavaScript, read and answered through Node's C interface.
//!
//! Only the calls that are made millions of times are written this way: the generated conversions cost several
//! times what a small conversion of a driver does. Nothing here keeps a value of JavaScript's beyond its call, and
//! what is not of the expected type is `None`.

use std::cell::Cell;
use std::ptr::{null, null_mut};
use std::rc::Rc;

use libmetachain_driver_host::Driver;
use napi::sys;

use crate::driver_table;

/// The most arguments that a call has.
const ARGUMENTS_MAX: usize = 4;
/// Room for the names of functions and events that crosses without an allocation, bytes.
const NAME_BYTES: usize = 256;
/// A text that may have been cut ends at most this far from the end of its room: a character is not cut in two.
const CUT_BYTES_MAX: usize = 4;
/// Room for texts that is kept between calls, bytes.
const KEPT_BYTES_MAX: usize = 1 << 20;
const KEPT_BYTES_MIN: usize = 16 << 10;

thread_local! {
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A call under way: its environment and its arguments.
pub(crate) struct Frame {
    env: sys::napi_env,
    arguments: [sys::napi_value; ARGUMENTS_MAX],
}

impl Frame {
    /// Reads the first `count` arguments, [`ARGUMENTS_MAX`] at most; each costs, given or not.
    ///
    /// # Safety
    /// Both must be what Node called the function with, and the frame must not outlive that call.
    #[inline]
    pub(crate) unsafe fn read(
        env: sys::napi_env,
        info: sys::napi_callback_info,
        count: usize,
    ) -> Option<Self> {
        let mut arguments = [null_mut(); ARGUMENTS_MAX];
        let mut count = count.min(ARGUMENTS_MAX);
        // SAFETY: the caller vouches for `env` and `info`; `arguments` has room for `count` values.
        let status = unsafe {
            sys::napi_get_cb_info(
                env,
                info,
                &mut count,
                arguments.as_mut_ptr(),
                null_mut(),
                null_mut(),
            )
        };
        (status == sys::Status::napi_ok).then_some(Self { env, arguments })
    }

    /// The driver whose number the argument is.
    #[inline]
    pub(crate) fn driver(&self, at: usize) -> Option<Rc<Driver>> {
        let mut number = 0;
        // SAFETY: both values are of this call.
        let status =
            unsafe { sys::napi_get_value_uint32(self.env, self.arguments[at], &mut number) };
        (status == sys::Status::napi_ok).then(|| driver_table::driver(number))?
    }

    /// Lends the text of an argument, as UTF-8, in room on the stack where it fits.
    #[inline]
    pub(crate) fn name<R>(&self, at: usize, read: impl FnOnce(&str) -> R) -> Option<R> {
        let mut room = [0; NAME_BYTES];
        let size = self.write_text(at, &mut room)?;
        if size + CUT_BYTES_MAX < NAME_BYTES {
            return Some(read(std::str::from_utf8(room.get(..size)?).ok()?));
        }
        self.text(at, |bytes| std::str::from_utf8(bytes).ok().map(read))?
    }

    /// Lends the text of an argument, as UTF-8, in room that is kept from call to call.
    #[inline]
    pub(crate) fn text<R>(&self, at: usize, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut room = ROOM.take();
        if room.len() < KEPT_BYTES_MIN {
            room.resize(KEPT_BYTES_MIN, 0);
        }
        let mut size = self.write_text(at, &mut room)?;
        if size + CUT_BYTES_MAX >= room.len() {
            let whole = self.text_bytes(at)?;
            room.resize(whole.checked_add(CUT_BYTES_MAX + 1)?, 0);
            size = self.write_text(at, &mut room)?;
        }
        let result = read(room.get(..size)?);
        if room.len() <= KEPT_BYTES_MAX {
            ROOM.set(room);
        }
        Some(result)
    }

    /// Writes as much of a text as there is room for, and a zero.
    #[inline]
    fn write_text(&self, at: usize, room: &mut [u8]) -> Option<usize> {
        let mut size = 0;
        // SAFETY: the values are of this call, and `room` is as long as is said.
        let status = unsafe {
            sys::napi_get_value_string_utf8(
                self.env,
                self.arguments[at],
                room.as_mut_ptr().cast(),
                room.len(),
                &mut size,
            )
        };
        (status == sys::Status::napi_ok).then_some(size)
    }

    #[cold]
    fn text_bytes(&self, at: usize) -> Option<usize> {
        let mut size = 0;
        // SAFETY: the values are of this call; without room only the size is asked for.
        let status = unsafe {
            sys::napi_get_value_string_utf8(self.env, self.arguments[at], null_mut(), 0, &mut size)
        };
        (status == sys::Status::napi_ok).then_some(size)
    }

    /// Where the bytes of a `Uint8Array` lie, and how many they are.
    #[inline]
    fn array(&self, at: usize) -> Option<(*mut u8, usize)> {
        let (mut kind, mut length, mut data) = (0, 0, null_mut());
        // SAFETY: the values are of this call; what is not asked for may be null.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.arguments[at],
                &mut kind,
                &mut length,
                &mut data,
                null_mut(),
                null_mut(),
            )
        };
        if status != sys::Status::napi_ok || kind != sys::TypedarrayType::uint8_array {
            return None;
        }
        if data.is_null() {
            // Empty, or its memory was given away.
            return Some((null_mut(), 0));
        }
        Some((data.cast(), length))
    }

    /// Lends the bytes of a `Uint8Array`.
    #[inline]
    pub(crate) fn bytes(&self, at: usize) -> Option<&[u8]> {
        let (data, length) = self.array(at)?;
        if length == 0 {
            return Some(&[]);
        }
        // SAFETY: Node says that so many bytes lie there; the array is an argument, so it lives as long as this
        // frame, and no JavaScript of this thread, which could resize or give away its memory, runs before the call
        // returns. Memory that another thread shares may change meanwhile: then a driver gets some of either.
        Some(unsafe { std::slice::from_raw_parts(data, length) })
    }

    /// Copies into a `Uint8Array`, if it has the room.
    #[inline]
    pub(crate) fn fill(&self, at: usize, bytes: &[u8]) -> bool {
        let Some((data, length)) = self.array(at) else {
            return false;
        };
        if bytes.is_empty() || bytes.len() > length {
            return bytes.is_empty();
        }
        // SAFETY: as in `bytes`; the memory of a driver, where `bytes` lie, is never an array's.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len()) };
        true
    }

    /// A whole number.
    #[inline]
    pub(crate) fn number(&self, value: u32) -> Option<sys::napi_value> {
        // SAFETY: the environment is of this call.
        made(|result| unsafe { sys::napi_create_uint32(self.env, value, result) })
    }

    /// A text. What is ASCII, as nearly all JSON is, is copied as it is.
    #[inline]
    pub(crate) fn string(&self, text: &str) -> Option<sys::napi_value> {
        let length = isize::try_from(text.len()).ok()?;
        let start = text.as_ptr().cast();
        made(|result| {
            // SAFETY: the environment is of this call, and so many bytes lie at `start`.
            unsafe {
                if text.is_ascii() {
                    sys::napi_create_string_latin1(self.env, start, length, result)
                } else {
                    sys::napi_create_string_utf8(self.env, start, length, result)
                }
            }
        })
    }

    /// A new `Uint8Array` that holds these bytes.
    #[cold]
    pub(crate) fn copy(&self, bytes: &[u8]) -> Option<sys::napi_value> {
        let mut data = null_mut();
        // SAFETY: the environment is of this call.
        let buffer = made(|result| unsafe {
            sys::napi_create_arraybuffer(self.env, bytes.len(), &mut data, result)
        })?;
        if !bytes.is_empty() && !data.is_null() {
            // SAFETY: the new buffer has exactly this size.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast(), bytes.len()) };
        }
        let kind = sys::TypedarrayType::uint8_array;
        // SAFETY: the buffer is of this call, and as long as is said.
        made(|result| unsafe {
            sys::napi_create_typedarray(self.env, kind, bytes.len(), buffer, 0, result)
        })
    }
}

/// The value that a function of Node's made.
#[inline]
fn made(make: impl FnOnce(*mut sys::napi_value) -> sys::napi_status) -> Option<sys::napi_value> {
    let mut value = null_mut();
    (make(&mut value) == sys::Status::napi_ok).then_some(value)
}

/// What a function returns that has nothing to say: `undefined`.
pub(crate) const NOTHING: sys::napi_value = null_mut();

/// A function of an object that is being made.
pub(crate) fn method(
    name: &'static std::ffi::CStr,
    call: sys::napi_callback,
) -> sys::napi_property_descriptor {
    sys::napi_property_descriptor {
        utf8name: name.as_ptr(),
        name: null_mut(),
        method: call,
        getter: None,
        setter: None,
        value: null_mut(),
        attributes: sys::PropertyAttributes::enumerable,
        data: null::<()>().cast_mut().cast(),
    }
}
