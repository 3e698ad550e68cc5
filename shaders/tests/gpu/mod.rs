//! A device for the tests of kernels, and what they run on it.
#![allow(dead_code, unreachable_pub)] // Each test takes what it needs.

use std::sync::LazyLock;

use bytemuck::Pod;
use janus_shaders::fixed::Transform;
use janus_shaders::{Context, DeviceChoice, Kernel};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use wgpu::{Buffer, BufferUsages};

/// The software driver, unless `JANUS_TEST_DEVICE` names another device.
pub(crate) static CONTEXT: LazyLock<Context> = LazyLock::new(|| {
    let name = std::env::var("JANUS_TEST_DEVICE").unwrap_or_else(|_| "llvmpipe".into());
    Context::open(&DeviceChoice::Named(name))
        .expect("these tests need a Vulkan driver: install mesa-vulkan-drivers")
        .expect("a named device is a device")
});

/// A buffer that holds `data`, and at least a vector of zeros.
pub(crate) fn upload<T: Pod>(data: &[T], usage: BufferUsages) -> Buffer {
    let bytes: &[u8] = bytemuck::cast_slice(data);
    let buffer = CONTEXT.buffer(
        "test",
        bytes.len().max(16) as u64,
        usage | BufferUsages::COPY_SRC,
    );
    CONTEXT.queue.write_buffer(&buffer, 0, bytes);
    buffer
}

/// Everything in a buffer.
pub(crate) fn download<T: Pod>(buffer: &Buffer) -> Vec<T> {
    let staging = CONTEXT.buffer("staging", buffer.size(), BufferUsages::MAP_READ);
    let mut encoder = CONTEXT.device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, buffer.size());
    CONTEXT.queue.submit([encoder.finish()]);
    CONTEXT
        .read_back(&staging, staging.size(), bytemuck::pod_collect_to_vec)
        .unwrap()
}

/// Runs one kernel to its end.
pub(crate) fn run(kernel: &Kernel, buffers: &[(u32, &Buffer)], invocations: u32) {
    let group = kernel.bind(&CONTEXT, buffers);
    let mut encoder = CONTEXT.device.create_command_encoder(&Default::default());
    let mut pass = encoder.begin_compute_pass(&Default::default());
    kernel.dispatch(&mut pass, &group, invocations);
    drop(pass);
    CONTEXT.queue.submit([encoder.finish()]);
    CONTEXT.check().unwrap();
}

/// Cases that are the same in every run.
pub(crate) fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(0x4a61_6e75),
        failure_persistence: None,
        ..Config::default()
    })
}

/// A rotation and a translation of up to so many metres.
pub(crate) fn transform(metres: f64) -> impl Strategy<Value = Transform> {
    let angles = prop::array::uniform3(-3.2..3.2f64);
    let translation = prop::array::uniform3(-metres..metres);
    (angles, translation).prop_map(|([roll, pitch, yaw], t)| {
        let (sr, cr) = roll.sin_cos();
        let (sp, cp) = pitch.sin_cos();
        let (sy, cy) = yaw.sin_cos();
        let rotation = [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ];
        Transform::new(rotation, t).unwrap()
    })
}

/// None, one, a workgroup and its neighbours, and many.
pub(crate) fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        4 => prop::sample::select(vec![0usize, 1, 2, 63, 64, 65, 255, 256, 257]),
        1 => 5_000..70_000usize,
    ]
}
