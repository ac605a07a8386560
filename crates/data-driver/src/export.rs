//! The macro that makes a driver module of a type.

/// Generates every export of a driver module for a type that implements
/// [`ConvertibleContract`](crate::ConvertibleContract) and [`Default`].
///
/// To be called once, in a crate of the type `cdylib`. The exports are generated for wasm only: a
/// build for the machine itself, for tests, has none of them, and still checks the type.
///
/// ```
/// # use libmetachain_data_driver::{ConvertibleContract, Error, JsonValue, export_driver};
/// #[derive(Default)]
/// struct Driver;
/// # impl ConvertibleContract for Driver {
/// #     fn encode_input_fn(&self, name: &str, _: &str) -> Result<Vec<u8>, Error> { Err(Error::unknown_function(name)) }
/// #     fn decode_input_fn(&self, name: &str, _: &[u8]) -> Result<JsonValue, Error> { Err(Error::unknown_function(name)) }
/// #     fn decode_output_fn(&self, name: &str, _: &[u8]) -> Result<JsonValue, Error> { Err(Error::unknown_function(name)) }
/// #     fn decode_event(&self, name: &str, _: &[u8]) -> Result<JsonValue, Error> { Err(Error::unknown_event(name)) }
/// #     fn get_schema(&self) -> String { String::new() }
/// # }
///
/// export_driver!(Driver);
/// ```
#[macro_export]
macro_rules! export_driver {
    ($driver:ty $(,)?) => {
        const _: fn() = || {
            fn is_driver<D: $crate::ConvertibleContract + ::core::default::Default>() {}
            is_driver::<$driver>();
        };

        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::abi::{Conversion, Input, Module, Output};

            static MODULE: Module<$driver> = Module::new();

            #[unsafe(no_mangle)]
            extern "C" fn init() {
                MODULE.init(::core::default::Default::default);
            }

            #[unsafe(no_mangle)]
            extern "C" fn alloc(size: usize) -> *mut u8 {
                $crate::abi::reserve(size)
            }

            /// # Safety
            /// The region came from `alloc` for this size, and is given back once.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn dealloc(start: *mut u8, size: usize) {
                // SAFETY: the host gives back what `alloc` gave it.
                unsafe { $crate::abi::release(start, size) }
            }

    $crate::export_driver!(@answer get_last_error last_error);
    $crate::export_driver!(@answer get_schema schema);
    $crate::export_driver!(@answer get_version version);
    $crate::export_driver!(@convert encode_input_fn EncodeInput);
    $crate::export_driver!(@convert decode_input_fn DecodeInput);
    $crate::export_driver!(@convert decode_output_fn DecodeOutput);
    $crate::export_driver!(@convert decode_event DecodeEvent);
        };
    };
    (@answer $export:ident $method:ident) => {
        /// # Safety
        /// The region is the host's, and nothing else uses it during the call.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $export(out: *mut u8, out_size: usize) -> i32 {
            let out = Output {
                start: out,
                length: out_size,
            };
            // SAFETY: the host's region, which it leaves alone during the call.
            unsafe { MODULE.$method(out) as i32 }
        }
    };
    (@convert $export:ident $conversion:ident) => {
        /// # Safety
        /// The regions are the host's, and nothing else uses them during the call.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $export(
            name: *const u8,
            name_size: usize,
            data: *const u8,
            data_size: usize,
            out: *mut u8,
            out_size: usize,
        ) -> i32 {
            let name = Input {
                start: name,
                length: name_size,
            };
            let data = Input {
                start: data,
                length: data_size,
            };
            let out = Output {
                start: out,
                length: out_size,
            };
            // SAFETY: the host's regions, which it leaves alone during the call.
            unsafe { MODULE.convert(Conversion::$conversion, name, data, out) as i32 }
        }
    };
}
