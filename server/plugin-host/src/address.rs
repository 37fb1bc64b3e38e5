//! Which addresses the host dials for a guest.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::grant::Network;

/// First address and number of fixed bits of every IPv4 block that is not for the public (IANA's
/// special-purpose registry, multicast, class E, and an address that a cloud serves to its guests).
const V4_DENIED: [([u8; 4], u32); 17] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
    // Azure's platform service: public by number, local by meaning.
    ([168, 63, 129, 16], 32),
    // AS112: answers for private names.
    ([192, 31, 196, 0], 24),
];

/// Blocks inside `2000::/3` that are not for the public.
const V6_DENIED: [(u128, u32); 5] = [
    // IETF protocols: Teredo, benchmarking, ORCHID and others.
    (0x2001_0000 << 96, 23),
    // Documentation.
    (0x2001_0db8 << 96, 32),
    // 6to4: leads to the IPv4 address inside.
    (0x2002_0000 << 96, 16),
    // Documentation.
    (0x3fff_0000 << 96, 20),
    // AS112.
    (0x2620_004f_8000 << 80, 48),
];

/// Whether everybody may be reached under this address: what a guest can get without an explicit
/// grant of a network. Addresses that carry another one inside are judged by that one, or denied.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let bits = ip.to_bits();
    !V4_DENIED
        .iter()
        .any(|(start, fixed)| (bits ^ u32::from_be_bytes(*start)) >> (32 - fixed) == 0)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let bits = ip.to_bits();
    // The well-known prefix of NAT64: where only IPv6 is spoken, every IPv4 server looks like this.
    if bits >> 32 == 0x0064_ff9b << 64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the last 32 bits are wanted"
        )]
        return is_public_v4(Ipv4Addr::from_bits(bits as u32));
    }
    // ISATAP leads to the IPv4 address inside, whatever the prefix.
    let interface = (bits >> 32) & 0xffff_ffff;
    if interface & !0x0200_0000 == 0x0000_5efe {
        return false;
    }
    bits >> 125 == 0b001
        && !V6_DENIED
            .iter()
            .any(|(start, fixed)| (bits ^ start) >> (128 - fixed) == 0)
}

/// Whether to dial: inside a granted network, or public when none is granted.
pub(crate) fn may_dial(ip: IpAddr, networks: &[Network]) -> bool {
    if networks.is_empty() {
        return is_public(ip);
    }
    let ip = ip.to_canonical();
    let nobody = ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST);
    !nobody && networks.iter().any(|n| n.contains(ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &[&str] = &[
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "168.63.129.15",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2400:3200::1",
        "2003::1",
        "2a00::1",
        "3ffe::1",
        "2001:200::1",
        "2001:db7::1",
        "2001:db9::1",
        // Written as IPv6, public all the same.
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ];

    const DENIED: &[&str] = &[
        // Unspecified, this network, private, shared, loopback, link-local.
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.168.0.0",
        "192.168.255.255",
        // Protocols, documentation, relays, benchmarks.
        "192.0.0.1",
        "192.0.0.170",
        "192.0.2.1",
        "192.31.196.1",
        "192.88.99.1",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        // Multicast, reserved, broadcast, a cloud's own.
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.254",
        "255.255.255.255",
        "168.63.129.16",
        // Unspecified, loopback, compatible, mapped.
        "::",
        "::1",
        "::7f00:1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:8.8.8.8",
        // NAT64: well-known with an address inside that is not public, and local use.
        "64:ff9b::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b::10.1.2.3",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b:1:ffff::1",
        // Discard, dummy, IETF, Teredo, benchmarks, ORCHID, documentation, 6to4, segment routing.
        "100::1",
        "100:0:0:1::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:1::1",
        "2001:1ff:ffff::1",
        "2001:db8::1",
        "2002:a9fe:a9fe::1",
        "2002:808:808::1",
        "3fff::1",
        "3fff:fff::1",
        "5f00::1",
        "2620:4f:8000::1",
        // ISATAP under a public prefix.
        "2606:4700::5efe:7f00:1",
        "2606:4700::200:5efe:a00:1",
        // Unique local, link-local, site-local, multicast, outside of 2000::/3.
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "4000::1",
        "e000::1",
        "fd00:ec2::254",
    ];

    #[test]
    fn the_table_of_addresses() {
        assert!(PUBLIC.len() + DENIED.len() >= 60);
        for (list, expected) in [(PUBLIC, true), (DENIED, false)] {
            for text in list {
                assert_eq!(is_public(text.parse().unwrap()), expected, "{text}");
            }
        }
    }

    #[test]
    fn a_network_is_the_only_way_inside_and_the_only_one_left() {
        let nets = ["10.1.0.0/16".parse().unwrap(), "0.0.0.0/0".parse().unwrap()];
        let dial = |ip: &str, nets: &[Network]| may_dial(ip.parse().unwrap(), nets);
        assert!(dial("10.1.2.3", &nets[..1]) && dial("::ffff:10.1.2.3", &nets[..1]));
        assert!(!dial("10.2.2.3", &nets[..1]) && !dial("8.8.8.8", &nets[..1]));
        assert!(dial("8.8.8.8", &[]) && !dial("10.1.2.3", &[]));
        for nobody in ["0.0.0.0", "224.0.0.1", "255.255.255.255"] {
            assert!(!dial(nobody, &nets), "{nobody}");
        }
    }
}
