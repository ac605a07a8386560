//! Work that blocks (on files, on compiling), on a thread of Node's own pool.

use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{Env, Task};

use crate::guard::{Outcome, guard};

type Work<T> = Box<dyn FnOnce() -> Outcome<T> + Send>;

/// One piece of work, and how its result becomes a JavaScript value.
pub struct Job<T, J> {
    name: &'static str,
    work: Option<Work<T>>,
    convert: fn(T) -> J,
}

/// Work that is run once the returned value is handed to Node, under the wall of `name`.
pub(crate) fn background<T, J>(
    name: &'static str,
    convert: fn(T) -> J,
    work: impl FnOnce() -> Outcome<T> + Send + 'static,
) -> AsyncTask<Job<T, J>>
where
    Job<T, J>: Task,
{
    AsyncTask::new(Job {
        name,
        work: Some(Box::new(work)),
        convert,
    })
}

impl<T: Send + 'static, J: ToNapiValue + TypeName> Task for Job<T, J> {
    type Output = Option<T>;
    type JsValue = J;

    fn compute(&mut self) -> napi::Result<Option<T>> {
        // Node computes once.
        let work = self.work.take();
        guard(self.name, || work.map(|work| work()).transpose())
    }

    fn resolve(&mut self, _: Env, output: Option<T>) -> napi::Result<J> {
        match output {
            Some(value) => Ok((self.convert)(value)),
            None => Err(napi::Error::from_reason("the work was done already")),
        }
    }
}
