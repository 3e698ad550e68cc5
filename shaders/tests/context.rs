//! A device is shared by threads.
#![allow(clippy::unwrap_used, missing_docs)]

mod gpu;

use gpu::{CONTEXT, download, upload};
use wgpu::BufferUsages;

#[test]
fn every_thread_reads_back_its_own_buffer() {
    std::thread::scope(|scope| {
        for thread in 0..4u32 {
            scope.spawn(move || {
                for round in 0..500u32 {
                    let data = [thread, round, thread ^ round, !round];
                    let buffer = upload(&data, BufferUsages::STORAGE);
                    assert_eq!(download::<u32>(&buffer), data);
                }
            });
        }
    });
    CONTEXT.check().unwrap();
}
