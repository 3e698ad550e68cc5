//! GPU kernels, each with a twin: the same algorithm in plain Rust, which
//! gives the same bits. The twin is the oracle of the kernel's test and runs
//! where there is no GPU.
//!
//! A kernel is `x.wgsl` beside `x.rs`. All arithmetic is on integers, so no
//! result depends on the order in which threads run.

pub mod cluster;
pub mod context;
pub mod distance;
pub mod fixed;
pub mod forecast;
pub mod fuse;
pub mod ground;
pub mod kernel;
pub mod occupancy;
pub mod voxel;
pub mod window;

pub use context::{AdapterSummary, Context, DeviceChoice, GpuError};
pub use kernel::Kernel;
pub use wgpu;
pub use window::Window;
