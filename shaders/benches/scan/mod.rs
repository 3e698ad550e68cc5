//! A scan like those of a lidar on a car: ground, walls and boxes, as
//! integers.

use janus_shaders::fuse::Fused;

/// A sensor 1.8 m above the ground at `x` mm, with 64 rings of 1,832 beams each
/// (117,248 points), ring by ring.
pub(super) fn scan(x: i32) -> Vec<Fused> {
    const RINGS: usize = 64;
    const BEAMS: usize = 1832;
    let mut noise = 0x2545_f491_u32;
    let mut points = Vec::with_capacity(RINGS * BEAMS);
    for ring in 0..RINGS {
        let pitch = (2.0 - 26.8 * ring as f64 / (RINGS - 1) as f64).to_radians();
        for beam in 0..BEAMS {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let jitter = f64::from(noise >> 16) / 65_536.0 * 0.04 - 0.02;
            let yaw = beam as f64 / BEAMS as f64 * std::f64::consts::TAU;
            let direction = [
                yaw.cos() * pitch.cos(),
                yaw.sin() * pitch.cos(),
                pitch.sin(),
            ];
            let origin = [f64::from(x) / 1e3, 0.0, 1.8];
            let range = range(origin, direction) + jitter;
            let [x, y, z] =
                std::array::from_fn(|i| ((origin[i] + direction[i] * range) * 1e3).round() as i32);
            // The sky is dropped.
            points.push(if range > 110.0 {
                [0, 0, 0, 2 << 30]
            } else {
                [x, y, z, (noise & 0xffff) as i32]
            });
        }
    }
    points
}

/// The way to the ground, the houses on both sides, or a car or tree.
fn range(origin: [f64; 3], direction: [f64; 3]) -> f64 {
    let mut nearest = 200.0;
    let mut meet = |min: [f64; 3], max: [f64; 3]| {
        let (mut enter, mut leave) = (0.5, nearest);
        for i in 0..3 {
            let a = (min[i] - origin[i]) / direction[i];
            let b = (max[i] - origin[i]) / direction[i];
            enter = f64::max(enter, a.min(b));
            leave = f64::min(leave, a.max(b));
        }
        if enter < leave {
            nearest = enter;
        }
    };
    meet([-200.0, -200.0, -1.0], [200.0, 200.0, 0.0]);
    for i in -10..=10 {
        let x = f64::from(i) * 11.0;
        let step = f64::from((i * 7) & 3);
        meet([x, 9.0 + step, 0.0], [x + 9.0, 20.0, 8.0]);
        meet([x, -20.0, 0.0], [x + 9.5, -8.0 - step, 6.0]);
        meet([x + 1.0, 4.0, 0.2], [x + 5.2, 5.8, 1.5]);
        meet([x + 3.0, -6.0, 0.0], [x + 3.4, -5.6, 4.0]);
    }
    nearest
}
