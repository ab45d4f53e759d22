//! Addresses that are not a stranger's on the internet.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an IP address is there for.
///
/// By IANA's registries of special-purpose addresses
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>) and by what the
/// large clouds document as the addresses of their metadata services. An IPv6
/// address that carries one of IPv4 (mapped, compatible, NAT64, 6to4) is what that
/// one is.
///
/// ```
/// use patinox_policy::AddressClass;
///
/// let class = |text: &str| AddressClass::of(text.parse().unwrap());
/// assert_eq!(class("127.0.0.1"), AddressClass::Loopback);
/// assert_eq!(class("::ffff:169.254.169.254"), AddressClass::Metadata);
/// assert!(class("9.9.9.9").is_public());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// Anybody's on the internet: the only class that needs no grant of its own.
    Public,
    /// This machine.
    Loopback,
    /// A network of somebody's own: RFC 1918, unique and site-local, and what
    /// providers share among customers (RFC 6598).
    Private,
    /// The cable that this machine hangs on.
    LinkLocal,
    /// The service by which a cloud hands its machines their credentials.
    Metadata,
    /// Many at once.
    Multicast,
    /// None: `0.0.0.0/8`, `::`.
    Unspecified,
    /// Kept for documentation, benchmarks, protocols or the future.
    Reserved,
}

impl AddressClass {
    /// The class of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    /// Whether it may be connected to where no grant names it.
    #[must_use]
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Public)
    }

    /// The class with its article: `a private address`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "the address of a cloud's metadata service",
            Self::Multicast => "a multicast address",
            Self::Unspecified => "no machine's address",
            Self::Reserved => "a reserved address",
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let found = V4.iter().find(|(network, length, _)| {
            let differ = network.to_bits() ^ address.to_bits();
            *length <= differ.leading_zeros()
        });
        found.map_or(Self::Public, |(_, _, class)| *class)
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match (range_of(address), carried(address)) {
            (_, Some(carried)) => Self::of_v4(carried),
            (Some(Range::Is(class)), None) => *class,
            // Nothing else has been given to anybody yet.
            (_, None) => Self::Reserved,
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The address of IPv4 that one of IPv6 leads to.
pub(crate) fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let [a, b, c, d] = match (range_of(address)?, octets) {
        (Range::Is(_), _) => return None,
        (Range::CarriesLast, [.., a, b, c, d]) => [a, b, c, d],
        (Range::CarriesSecond, [_, _, a, b, c, d, ..]) => [a, b, c, d],
    };
    Some(Ipv4Addr::new(a, b, c, d))
}

fn range_of(address: Ipv6Addr) -> Option<&'static Range> {
    let found = V6.iter().find(|(network, length, _)| {
        let differ = network.to_bits() ^ address.to_bits();
        *length <= differ.leading_zeros()
    });
    found.map(|(_, _, range)| range)
}

/// The first network that has the address says its class.
const V4: &[(Ipv4Addr, u32, AddressClass)] = {
    use AddressClass as Class;
    const fn ip(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
        Ipv4Addr::new(a, b, c, d)
    }
    &[
        // AWS, Azure, Google, Oracle and others; credentials of AWS's containers.
        (ip(169, 254, 169, 254), 32, Class::Metadata),
        (ip(169, 254, 170, 2), 32, Class::Metadata),
        (ip(169, 254, 170, 23), 32, Class::Metadata),
        (ip(169, 254, 42, 42), 32, Class::Metadata),
        (ip(168, 63, 129, 16), 32, Class::Metadata),
        (ip(192, 80, 8, 124), 32, Class::Metadata),
        (ip(100, 100, 100, 200), 32, Class::Metadata),
        (ip(192, 0, 0, 192), 32, Class::Metadata),
        (ip(0, 0, 0, 0), 8, Class::Unspecified),
        (ip(10, 0, 0, 0), 8, Class::Private),
        (ip(100, 64, 0, 0), 10, Class::Private),
        (ip(127, 0, 0, 0), 8, Class::Loopback),
        (ip(169, 254, 0, 0), 16, Class::LinkLocal),
        (ip(172, 16, 0, 0), 12, Class::Private),
        (ip(192, 0, 0, 0), 24, Class::Reserved),
        (ip(192, 0, 2, 0), 24, Class::Reserved),
        (ip(192, 88, 99, 0), 24, Class::Reserved),
        (ip(192, 168, 0, 0), 16, Class::Private),
        (ip(198, 18, 0, 0), 15, Class::Reserved),
        (ip(198, 51, 100, 0), 24, Class::Reserved),
        (ip(203, 0, 113, 0), 24, Class::Reserved),
        (ip(224, 0, 0, 0), 4, Class::Multicast),
        (ip(240, 0, 0, 0), 4, Class::Reserved),
    ]
};

/// What the addresses of a network are.
enum Range {
    Is(AddressClass),
    /// What the address of IPv4 in their last four bytes is.
    CarriesLast,
    /// What that in the four bytes behind the first two is.
    CarriesSecond,
}

/// As [`V4`].
const V6: &[(Ipv6Addr, u32, Range)] = {
    use AddressClass as Class;
    const fn ip(start: [u16; 3], last: u16) -> Ipv6Addr {
        let [a, b, c] = start;
        Ipv6Addr::new(a, b, c, 0, 0, 0, 0, last)
    }
    &[
        (
            ip([0xfd00, 0xec2, 0], 0x254),
            128,
            Range::Is(Class::Metadata),
        ),
        (
            ip([0xfd00, 0xec2, 0], 0x23),
            128,
            Range::Is(Class::Metadata),
        ),
        (ip([0xfd00, 0x42, 0], 0x42), 128, Range::Is(Class::Metadata)),
        (
            Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
            128,
            Range::Is(Class::Metadata),
        ),
        (
            ip([0xfd20, 0xce, 0], 0x254),
            128,
            Range::Is(Class::Metadata),
        ),
        (ip([0, 0, 0], 0), 128, Range::Is(Class::Unspecified)),
        (ip([0, 0, 0], 1), 128, Range::Is(Class::Loopback)),
        (ip([0, 0, 0], 0), 96, Range::CarriesLast),
        (
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0),
            96,
            Range::CarriesLast,
        ),
        (
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0),
            96,
            Range::CarriesLast,
        ),
        (ip([0x64, 0xff9b, 0], 0), 96, Range::CarriesLast),
        (ip([0x64, 0xff9b, 1], 0), 48, Range::Is(Class::Private)),
        // Teredo, ORCHID, benchmarks and other protocols.
        (ip([0x2001, 0, 0], 0), 23, Range::Is(Class::Reserved)),
        (ip([0x2001, 0xdb8, 0], 0), 32, Range::Is(Class::Reserved)),
        (ip([0x2002, 0, 0], 0), 16, Range::CarriesSecond),
        (ip([0x3fff, 0, 0], 0), 20, Range::Is(Class::Reserved)),
        (ip([0xfc00, 0, 0], 0), 7, Range::Is(Class::Private)),
        (ip([0xfe80, 0, 0], 0), 10, Range::Is(Class::LinkLocal)),
        (ip([0xfec0, 0, 0], 0), 10, Range::Is(Class::Private)),
        (ip([0xff00, 0, 0], 0), 8, Range::Is(Class::Multicast)),
        (ip([0x2000, 0, 0], 0), 3, Range::Is(Class::Public)),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn class(address: &str) -> AddressClass {
        AddressClass::of(address.parse().unwrap())
    }

    #[test]
    fn each_range_begins_and_ends_where_its_registry_says() {
        use AddressClass::{
            LinkLocal, Loopback, Metadata, Multicast, Private, Public, Reserved, Unspecified,
        };
        for (first, last, expected) in [
            ("0.0.0.0", "0.255.255.255", Unspecified),
            ("1.0.0.0", "9.255.255.255", Public),
            ("10.0.0.0", "10.255.255.255", Private),
            ("11.0.0.0", "100.63.255.255", Public),
            ("100.64.0.0", "100.127.255.255", Private),
            ("100.128.0.0", "126.255.255.255", Public),
            ("127.0.0.0", "127.255.255.255", Loopback),
            ("128.0.0.0", "169.253.255.255", Public),
            ("169.254.0.0", "169.254.255.255", LinkLocal),
            ("169.254.169.254", "169.254.169.254", Metadata),
            ("169.255.0.0", "172.15.255.255", Public),
            ("172.16.0.0", "172.31.255.255", Private),
            ("172.32.0.0", "191.255.255.255", Public),
            ("192.0.0.0", "192.0.0.255", Reserved),
            ("192.0.2.0", "192.0.2.255", Reserved),
            ("192.168.0.0", "192.168.255.255", Private),
            ("192.169.0.0", "198.17.255.255", Public),
            ("198.18.0.0", "198.19.255.255", Reserved),
            ("198.51.100.0", "198.51.100.255", Reserved),
            ("203.0.113.0", "203.0.113.255", Reserved),
            ("203.0.114.0", "223.255.255.255", Public),
            ("224.0.0.0", "239.255.255.255", Multicast),
            ("240.0.0.0", "255.255.255.255", Reserved),
            ("::", "::", Unspecified),
            ("::1", "::1", Loopback),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Private),
            ("100::", "100::ffff:ffff:ffff:ffff", Reserved),
            ("2001::", "2001:1ff:ffff::", Reserved),
            ("2001:200::", "2001:db7:ffff::", Public),
            ("2001:db8::", "2001:db8:ffff::", Reserved),
            ("2001:db9::", "2001:ffff::", Public),
            ("2003::", "3ffe:ffff::", Public),
            ("3fff::", "3fff:fff::", Reserved),
            ("4000::", "fbff:ffff::", Reserved),
            ("fc00::", "fdff:ffff::", Private),
            ("fe80::", "febf:ffff::", LinkLocal),
            ("fec0::", "feff:ffff::", Private),
            ("ff00::", "ffff:ffff::", Multicast),
        ] {
            assert_eq!([class(first), class(last)], [expected; 2], "{first} {last}");
        }
        for address in [
            "169.254.170.2",
            "168.63.129.16",
            "100.100.100.200",
            "fd00:ec2::254",
            "fd20:ce::254",
            "169.254.42.42",
            "192.80.8.124",
            "192.0.0.192",
            "fd00:42::42",
            "fe80::a9fe:a9fe",
        ] {
            assert_eq!(class(address), Metadata, "{address}");
        }
    }

    proptest! {
        /// No way to write an address of IPv4 as one of IPv6 changes what it is.
        #[test]
        fn what_carries_an_address_is_what_that_one_is(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = v4.octets();
            let expected = AddressClass::of(v4.into());
            let carried = [
                format!("::ffff:{v4}"),
                format!("::ffff:0:{v4}"),
                format!("64:ff9b::{v4}"),
                format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1"),
            ];
            for text in carried {
                prop_assert_eq!(class(&text), expected, "{}", text);
            }
            if 1 < bits {
                prop_assert_eq!(class(&format!("::{v4}")), expected);
            }
        }

        #[test]
        fn what_std_calls_special_is_not_public(bits: u128) {
            let v6 = Ipv6Addr::from_bits(bits);
            let v4 = Ipv4Addr::from_bits(u32::try_from(bits >> 96).unwrap());
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified() {
                prop_assert!(!AddressClass::of(v4.into()).is_public(), "{}", v4);
            }
            if v6.is_loopback() || v6.is_multicast() || v6.is_unicast_link_local()
                || v6.is_unique_local() || v6.is_unspecified() {
                prop_assert!(!AddressClass::of(v6.into()).is_public(), "{}", v6);
            }
        }
    }
}
