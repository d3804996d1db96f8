//! An RSA key of 4096 bits for Kubernetes service accounts. ring signs with such keys but makes none.

use crypto_bigint::{BoxedUint, NonZero, Odd, U2048, U4096};
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use crypto_primes::{Flavor, is_prime, sieve_and_find};
use getrandom::{SysRng, rand_core::UnwrapErr};
use secrecy::{SecretString, zeroize::Zeroizing};

use super::PkiError;
use super::der::{INTEGER, SEQUENCE, element, unsigned};
use super::key;

const PUBLIC_EXPONENT: u64 = 65_537;

/// A new key in PKCS#1 PEM.
///
/// Takes a second of a present-day core where [`fast`] has its instructions, several elsewhere. It gives way to everything else:
/// the key is needed only when a machine takes its configuration.
pub(super) fn generate() -> Result<SecretString, PkiError> {
    let failed = || PkiError::Generate { what: "RSA key" };
    if fast::supported() {
        let key = std::thread::scope(|scope| scope.spawn(|| at_low_priority(fast::generate)).join());
        return key.ok().flatten().map(|der| key::rsa_pem(&der)).ok_or_else(failed);
    }
    loop {
        let (p, q) = std::thread::scope(|scope| {
            let (one, other) = (
                scope.spawn(|| at_low_priority(prime)),
                scope.spawn(|| at_low_priority(prime)),
            );
            (one.join().ok().flatten(), other.join().ok().flatten())
        });
        let (Some(p), Some(q)) = (p, q) else {
            return Err(failed());
        };
        if let Some(der) = pkcs1(&p, &q) {
            return Ok(key::rsa_pem(&der));
        }
    }
}

/// With arithmetic in assembler, on processors that have the instructions it needs.
mod fast {
    use secrecy::zeroize::Zeroizing;

    #[cfg(target_arch = "x86_64")]
    pub(super) fn supported() -> bool {
        macro_rules! all {
            ($($feature:tt),*) => { $(std::arch::is_x86_feature_detected!($feature))&&* };
        }
        all!("aes", "ssse3", "pclmulqdq", "avx", "avx2", "bmi1", "bmi2", "adx")
    }

    #[cfg(target_arch = "aarch64")]
    pub(super) fn supported() -> bool {
        macro_rules! all {
            ($($feature:tt),*) => { $(std::arch::is_aarch64_feature_detected!($feature))&&* };
        }
        all!("aes", "sha2", "pmull", "neon")
    }

    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    pub(super) fn generate() -> Option<Zeroizing<Vec<u8>>> {
        use graviola::signing::rsa::{KeySize, SigningKey};
        let mut buffer = Zeroizing::new(vec![0; 4096]);
        let key = SigningKey::generate(KeySize::Rsa4096).ok()?;
        let der = key.to_pkcs1_der(&mut buffer).ok()?;
        Some(Zeroizing::new(der.to_vec()))
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub(super) fn supported() -> bool {
        false
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub(super) fn generate() -> Option<Zeroizing<Vec<u8>>> {
        None
    }
}

fn at_low_priority<T>(work: impl FnOnce() -> T) -> T {
    give_way();
    work()
}

/// Lowers the priority of this thread. Linux has one for each thread (sched(7)); elsewhere it would be the process's.
fn give_way() {
    // Where a sandbox forbids it, the search competes.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(10);
}

/// A prime with both top bits set, so that the product of two has exactly 4096 bits.
fn prime() -> Option<U2048> {
    // Searched with the boxed type: its arithmetic is compiled in its own crate, which is optimised in every profile.
    let sieve = SmallFactorsSieveFactory::<BoxedUint>::new(Flavor::Any, U2048::BITS, SetBits::TwoMsb).ok()?;
    let found = sieve_and_find(&mut UnwrapErr(SysRng), sieve, |_, candidate| {
        is_prime(Flavor::Any, candidate)
    })
    .ok()??;
    let bytes = Zeroizing::new(found.to_be_bytes());
    (bytes.len() == U2048::BYTES).then(|| U2048::from_be_slice(&bytes))
}

/// The key made of these primes; none if they do not suit each other or the exponent.
fn pkcs1(p: &U2048, q: &U2048) -> Option<Zeroizing<Vec<u8>>> {
    let (high, low) = if p > q { (p, q) } else { (q, p) };
    // Primes that are close to each other are found by trying around the root (FIPS 186-5, A.1.3).
    if high.wrapping_sub(low).bits_vartime() <= U2048::BITS - 100 {
        return None;
    }
    let high_1 = high.wrapping_sub(&U2048::ONE);
    let low_1 = low.wrapping_sub(&U2048::ONE);
    let modulus: U4096 = high.concatenating_mul(low);
    let totient: U4096 = high_1.concatenating_mul(&low_1);
    let private = U4096::from(PUBLIC_EXPONENT)
        .invert_mod(&NonZero::new(totient).into_option()?)
        .into_option()?;
    let private_high = private.rem_vartime(&NonZero::new(high_1).into_option()?);
    let private_low = private.rem_vartime(&NonZero::new(low_1).into_option()?);
    let coefficient = low.invert_odd_mod(&Odd::new(*high).into_option()?).into_option()?;

    let numbers = [
        unsigned(modulus.to_be_bytes().as_ref()),
        unsigned(&PUBLIC_EXPONENT.to_be_bytes()),
        unsigned(private.to_be_bytes().as_ref()),
        unsigned(high.to_be_bytes().as_ref()),
        unsigned(low.to_be_bytes().as_ref()),
        unsigned(private_high.to_be_bytes().as_ref()),
        unsigned(private_low.to_be_bytes().as_ref()),
        unsigned(coefficient.to_be_bytes().as_ref()),
    ]
    .map(Zeroizing::new);
    let mut parts: Vec<&[u8]> = vec![&[INTEGER, 1, 0]];
    parts.extend(numbers.iter().map(|number| number.as_slice()));
    Some(Zeroizing::new(element(SEQUENCE, &parts)))
}

#[cfg(test)]
mod tests {
    use ring::signature::RsaKeyPair;
    use secrecy::ExposeSecret;

    use super::*;

    fn check(pem: &str) {
        let parsed = pem::parse(pem).unwrap();
        assert_eq!(parsed.tag(), "RSA PRIVATE KEY");
        // ring checks sizes, products and every exponent against each other.
        let pair = RsaKeyPair::from_der(parsed.contents()).unwrap();
        assert_eq!(pair.public().modulus_len(), 512);
    }

    #[test]
    fn a_generated_key_has_4096_bits_and_passes_the_checks_of_ring() {
        check(generate().unwrap().expose_secret());
    }

    #[test]
    fn a_key_made_without_special_instructions_passes_them_too() {
        let der = std::iter::repeat_with(|| pkcs1(&prime().unwrap(), &prime().unwrap()));
        let der = der.flatten().next().unwrap();
        check(key::rsa_pem(&der).expose_secret());
    }
}
