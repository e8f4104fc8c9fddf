//! RSA keys of a generator that is known to be weak (CVE-2017-15361, "ROCA").
//!
//! Its primes are powers of 65537 modulo a product of small primes, so the modulus is one too,
//! modulo each of them; of other moduli one in 2^27 is. Such a key can be factored.

/// Whether the modulus, in big endian, has the generator's fingerprint.
pub(crate) fn has_fingerprint(modulus: &[u8]) -> bool {
    PRIMES
        .iter()
        .all(|prime| is_power_of_generator(residue(modulus, *prime), *prime))
}

fn residue(modulus: &[u8], prime: u32) -> u32 {
    modulus
        .iter()
        .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}

fn is_power_of_generator(residue: u32, prime: u32) -> bool {
    let mut power = 1;
    // The powers come round again within `prime` steps.
    for _ in 0..prime {
        if power == residue {
            return true;
        }
        power = power * (65537 % prime) % prime;
    }
    false
}

const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_power_of_the_generator_has_the_fingerprint_and_its_neighbour_has_not() {
        // 65537^3 = 0x1_0003_0003_0001
        assert!(has_fingerprint(&[1, 0, 3, 0, 3, 0, 1]));
        assert!(!has_fingerprint(&[1, 0, 3, 0, 3, 0, 3]));
    }
}
