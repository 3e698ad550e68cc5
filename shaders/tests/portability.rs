//! Every program is valid, means what its parameters' Rust types mean, stays
//! within WebGPU's default limits, and translates to every shading language.
#![allow(clippy::unwrap_used, missing_docs)]

use std::mem::{offset_of, size_of};

use janus_shaders::{cluster, distance, forecast, fuse, ground, occupancy, voxel};
use naga::back::{glsl, hlsl, msl, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ShaderStage, TypeInner};

const PROGRAMS: [(&str, &str); 7] = [
    ("cluster", cluster::SOURCE),
    ("distance", distance::SOURCE),
    ("forecast", forecast::SOURCE),
    ("fuse", fuse::SOURCE),
    ("ground", ground::SOURCE),
    ("occupancy", occupancy::SOURCE),
    ("voxel", voxel::SOURCE),
];

fn parse(source: &str) -> (Module, ModuleInfo) {
    let module = naga::front::wgsl::parse_str(source)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
    // No capability beyond WebGPU's own.
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .unwrap_or_else(|error| panic!("{error:?}"));
    (module, info)
}

fn check_struct(source: &str, name: &str, size: usize, members: &[(&str, usize)]) {
    let (module, _) = parse(source);
    let (_, ty) = module
        .types
        .iter()
        .find(|(_, ty)| ty.name.as_deref() == Some(name))
        .unwrap_or_else(|| panic!("no struct {name}"));
    let TypeInner::Struct {
        members: found,
        span,
    } = &ty.inner
    else {
        panic!("{name} is no struct");
    };
    let found: Vec<_> = found
        .iter()
        .map(|m| (m.name.as_deref().unwrap(), m.offset as usize))
        .collect();
    assert_eq!(found, members, "{name}");
    assert_eq!(*span as usize, size, "{name}");
}

macro_rules! same_layout {
    ($source:expr, $name:literal, $type:ty, $($member:ident),+) => {
        check_struct(
            $source,
            $name,
            size_of::<$type>(),
            &[$((stringify!($member), offset_of!($type, $member))),+],
        )
    };
}

#[test]
fn parameters_have_one_layout() {
    use janus_shaders::Window;
    use janus_shaders::fixed::Transform;
    same_layout!(fuse::SOURCE, "Window", Window, origin, side, cell_mm);
    same_layout!(fuse::SOURCE, "Transform", Transform, x, y, z);
    same_layout!(
        cluster::SOURCE,
        "Params",
        cluster::Params,
        window,
        position,
        points,
        tolerance,
        clearance,
        reach_mm,
        reach_per_mille,
        min_points
    );
    same_layout!(
        cluster::SOURCE,
        "Cluster",
        cluster::Cluster,
        min,
        points,
        max,
        height
    );
    same_layout!(
        forecast::SOURCE,
        "Params",
        forecast::Params,
        window,
        layers,
        footprints
    );
    same_layout!(
        forecast::SOURCE,
        "Footprint",
        forecast::Footprint,
        centre,
        heading,
        half,
        margin,
        layer,
        weight,
        margin_weight,
        pad
    );
    same_layout!(
        fuse::SOURCE,
        "Params",
        fuse::Params,
        window,
        points,
        sweeps,
        poses,
        tick_shift,
        range_squared,
        height_min,
        height_max,
        body_top,
        body_min,
        body_max
    );
    same_layout!(
        fuse::SOURCE,
        "Sweep",
        fuse::Sweep,
        base_from_sensor,
        first,
        pose,
        tick,
        mask
    );
    same_layout!(
        ground::SOURCE,
        "Window",
        janus_shaders::Window,
        origin,
        side,
        cell_mm
    );
    same_layout!(
        ground::SOURCE,
        "Params",
        ground::Params,
        window,
        base,
        rise,
        points,
        shift,
        stance,
        slack,
        slope,
        step,
        smoothing
    );
    same_layout!(distance::SOURCE, "Params", distance::Params, side);
    same_layout!(
        occupancy::SOURCE,
        "Params",
        occupancy::Params,
        window,
        last_origin,
        base,
        base_x,
        base_y,
        body_min,
        body_max,
        points,
        sweeps,
        poses,
        ground_min,
        obstacle_min,
        obstacle_max,
        hit,
        miss,
        least,
        most,
        decay,
        pad
    );
    same_layout!(
        voxel::SOURCE,
        "Params",
        voxel::Params,
        base,
        size_mm,
        extent,
        points,
        segments
    );
    same_layout!(
        voxel::SOURCE,
        "Segment",
        voxel::Segment,
        first,
        length,
        group,
        pad
    );
    same_layout!(
        voxel::SOURCE,
        "Status",
        voxel::Status,
        voxels,
        outside,
        full,
        pad
    );
}

#[test]
fn programs_stay_within_default_limits() {
    let limits = wgpu::Limits::default();
    for (name, source) in PROGRAMS {
        let (module, info) = parse(source);
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).unwrap();
        assert!(!module.entry_points.is_empty(), "{name}");
        for (i, entry) in module.entry_points.iter().enumerate() {
            let used = info.get_entry_point(i);
            let uses = |space: fn(AddressSpace) -> bool| {
                let variables = module.global_variables.iter();
                variables.filter(move |(handle, variable)| {
                    space(variable.space) && !used[*handle].is_empty()
                })
            };
            let storage = uses(|s| matches!(s, AddressSpace::Storage { .. })).count();
            assert!(
                storage <= limits.max_storage_buffers_per_shader_stage as usize,
                "{name}"
            );
            let workgroup: u32 = uses(|s| s == AddressSpace::WorkGroup)
                .map(|(_, v)| layouter[v.ty].size)
                .sum();
            assert!(
                workgroup <= limits.max_compute_workgroup_storage_size,
                "{name}"
            );
            let invocations: u32 = entry.workgroup_size.iter().product();
            assert!(
                invocations <= limits.max_compute_invocations_per_workgroup,
                "{name}"
            );
        }
    }
}

#[test]
fn programs_translate_to_every_language() {
    for (name, source) in PROGRAMS {
        let (module, info) = parse(source);
        let words = spv::write_vec(&module, &info, &spv::Options::default(), None).unwrap();
        assert!(!words.is_empty(), "{name}");

        let options = msl::Options {
            fake_missing_bindings: true,
            ..Default::default()
        };
        let (text, _) = msl::write_string(&module, &info, &options, &Default::default()).unwrap();
        assert!(text.contains("kernel"), "{name}");

        let options = hlsl::Options {
            fake_missing_bindings: true,
            ..Default::default()
        };
        let mut text = String::new();
        hlsl::Writer::new(&mut text, &options, &Default::default())
            .write(&module, &info, None)
            .unwrap();
        assert!(text.contains("numthreads"), "{name}");

        for entry in &module.entry_points {
            let mut text = String::new();
            let options = glsl::Options {
                version: glsl::Version::Desktop(430),
                ..Default::default()
            };
            let pipeline = glsl::PipelineOptions {
                shader_stage: ShaderStage::Compute,
                entry_point: entry.name.clone(),
                multiview: None,
            };
            glsl::Writer::new(
                &mut text,
                &module,
                &info,
                &options,
                &pipeline,
                naga::proc::BoundsCheckPolicies::default(),
            )
            .unwrap()
            .write()
            .unwrap();
            assert!(text.contains("void main()"), "{name}");
        }
    }
}
