//! Threads of ours that let others go first.

use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};

/// Gives the current thread that priority, 0 to 99, of which 50 is nearly that of all others. A system
/// that refuses leaves it what it was.
pub(crate) fn step_back(priority: u8) {
    if let Ok(value) = ThreadPriorityValue::try_from(priority) {
        let _ = set_current_thread_priority(ThreadPriority::Crossplatform(value));
    }
}
