// Fixed point: rotations in Q2.20, lengths in millimetres.

struct Transform {
    // Each row: three rotation entries in Q2.20, then the translation in mm.
    x: vec4<i32>,
    y: vec4<i32>,
    z: vec4<i32>,
}

// One row of a transform, rounded to the nearest mm. The coordinates are
// split at 512 mm so that every product and sum fits 32 bits as long as no
// coordinate exceeds 2^19 mm.
fn transform_row(row: vec4<i32>, p: vec3<i32>) -> i32 {
    let high = p >> vec3<u32>(9u);
    let low = p & vec3<i32>(511);
    let a = row.x * high.x + row.y * high.y + row.z * high.z;
    let b = row.x * low.x + row.y * low.y + row.z * low.z;
    return (a >> 11u) + (((a & 2047) * 512 + b + 524288) >> 20u) + row.w;
}

fn transform(t: Transform, p: vec3<i32>) -> vec3<i32> {
    return vec3<i32>(
        transform_row(t.x, p),
        transform_row(t.y, p),
        transform_row(t.z, p),
    );
}

// The quotient rounded towards minus infinity; `b` is positive.
fn floor_div(a: i32, b: i32) -> i32 {
    let q = a / b;
    return select(q, q - 1, a - q * b < 0);
}
