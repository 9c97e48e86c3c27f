//! A disk that forgets what was not made durable, for processes that are run as they are.
//!
//! [`Recorder`] runs the program under `strace` and writes down each call that changes a file, makes one durable, or
//! sends an answer. A [`Recording`] does the same again on a disk that knows what is durable, and cuts the power at each
//! sync point: [`Cut::image`] is what may be found afterwards. [`broken`] reads such an image and says what it has lost
//! of what was acknowledged.
//!
//! What is durable follows POSIX to the letter, which is stricter than any file system. A file's content counts from
//! `fsync` or `fdatasync` of that file, and its name from the same of the folder it is in; all else may be there,
//! in part, or not.

mod disk;
mod image;
mod operation;
mod promise;
mod recorder;
mod recording;
mod scratch;
mod shop;
mod trace;

pub use image::{Fate, Image};
pub use promise::{Promise, broken};
pub use recorder::{Life, Recorder};
pub use recording::{Cut, Recording};
pub use scratch::scratch;
pub use shop::RecordedShop;
