//! A compute pipeline with its layout and workgroup size.

use wgpu::{BindGroup, Buffer, ComputePass, ComputePipeline};

use crate::context::Context;

/// One entry point of one WGSL program, ready to run.
#[derive(Debug)]
pub struct Kernel {
    pipeline: ComputePipeline,
    entry: &'static str,
    workgroup: u32,
}

impl Kernel {
    /// The greatest number of workgroups along a side of a dispatch that
    /// WebGPU promises.
    pub const MAX_WORKGROUPS: u32 = 65_535;

    /// Compiles an entry point. A program that does not compile is reported
    /// by [`Context::check`].
    pub(crate) fn new(
        context: &Context,
        entry: &'static str,
        source: &str,
        workgroup: u32,
    ) -> Self {
        let module = context
            .device
            .create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(entry),
                source: wgpu::ShaderSource::Wgsl(source.into()),
            });
        let pipeline = context
            .device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(entry),
                layout: None,
                module: &module,
                entry_point: Some(entry),
                compilation_options: Default::default(),
                cache: None,
            });
        Self {
            pipeline,
            entry,
            workgroup,
        }
    }

    /// Binds buffers by their binding numbers.
    pub fn bind(&self, context: &Context, buffers: &[(u32, &Buffer)]) -> BindGroup {
        let entries: Vec<_> = buffers
            .iter()
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding: *binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        context
            .device
            .create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(self.entry),
                layout: &self.pipeline.get_bind_group_layout(0),
                entries: &entries,
            })
    }

    /// Runs at least `invocations` invocations, which the caller keeps under
    /// [`Kernel::MAX_WORKGROUPS`] workgroups.
    pub fn dispatch(&self, pass: &mut ComputePass<'_>, group: &BindGroup, invocations: u32) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, group, &[]);
        pass.dispatch_workgroups(invocations.div_ceil(self.workgroup), 1, 1);
    }
}
