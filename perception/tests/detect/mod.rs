//! What the tests of both inference runtimes share. A process has one
//! runtime, so each has a test program of its own.

pub(crate) mod broken;
pub(crate) mod families;
pub(crate) mod given;
pub(crate) mod onnx;
pub(crate) mod recorded;
pub(crate) mod running;
