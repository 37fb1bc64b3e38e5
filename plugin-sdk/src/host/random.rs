//! Random bytes of the host.

/// `N` random bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    let mut filled = 0;
    while filled < N {
        // The host answers at most 1024 at a time.
        let some = some_bytes(u32::try_from(N - filled).unwrap_or(1024));
        if some.is_empty() {
            break;
        }
        let take = some.len().min(N - filled);
        out[filled..filled + take].copy_from_slice(&some[..take]);
        filled += take;
    }
    out
}

/// A number that no other call gets, as 32 digits: for nonces and identifiers of requests.
#[must_use]
pub fn token() -> String {
    crate::encoding::hex(&bytes::<16>())
}

#[cfg(target_arch = "wasm32")]
fn some_bytes(len: u32) -> Vec<u8> {
    crate::bindings::base::bihuan::plugin::random::bytes(len)
}

/// The same in every run of a test.
#[cfg(not(target_arch = "wasm32"))]
fn some_bytes(len: u32) -> Vec<u8> {
    crate::testing::with(|world| {
        (0..len.min(1024))
            .map(|_| {
                // Xorshift: repeatable is what a test wants.
                world.seed ^= world.seed << 13;
                world.seed ^= world.seed >> 7;
                world.seed ^= world.seed << 17;
                (world.seed >> 32) as u8
            })
            .collect()
    })
    .unwrap_or_else(|| vec![0; len.min(1024) as usize])
}
