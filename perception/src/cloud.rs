//! What the lidars saw, apart from the grid that it adds up to.

use janus_shaders::{cluster, voxel};

/// The returns of one frame, put in order. All of it is exact, and the same
/// on every device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cloud {
    /// The voxels that hold returns of the last frames, in the order of their
    /// first ones; in odom.
    pub voxels: Vec<voxel::Voxel>,
    /// What each point of the frame belongs to, in the order of the log:
    /// [`Cloud::UNLABELLED`], [`Cloud::GROUND`], or a cluster's place in
    /// [`Cloud::clusters`] after [`Cloud::FIRST_CLUSTER`].
    pub labels: Vec<u32>,
    /// What stands on the ground, in pieces.
    pub clusters: Vec<cluster::Cluster>,
}

impl Cloud {
    /// Label of a point that was dropped, is outside of the grid's window, or
    /// belongs to no cluster.
    pub const UNLABELLED: u32 = 0;

    /// Label of a point on the ground.
    pub const GROUND: u32 = 1;

    /// Label of a point of the first cluster.
    pub const FIRST_CLUSTER: u32 = 2;
}
