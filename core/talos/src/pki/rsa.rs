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
/// The two primes are looked for in two threads: a quarter of a second each on a present-day core.
pub(super) fn generate() -> Result<SecretString, PkiError> {
    loop {
        let (p, q) = std::thread::scope(|scope| {
            let other = scope.spawn(prime);
            let own = prime();
            (own, other.join().ok().flatten())
        });
        let (Some(p), Some(q)) = (p, q) else {
            return Err(PkiError::Generate { what: "RSA key" });
        };
        if let Some(der) = pkcs1(&p, &q) {
            return Ok(key::rsa_pem(&der));
        }
    }
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

    #[test]
    fn a_generated_key_has_4096_bits_and_passes_the_checks_of_ring() {
        let key = generate().unwrap();
        let parsed = pem::parse(key.expose_secret()).unwrap();
        assert_eq!(parsed.tag(), "RSA PRIVATE KEY");
        // ring checks sizes, products and every exponent against each other.
        let pair = RsaKeyPair::from_der(parsed.contents()).unwrap();
        assert_eq!(pair.public().modulus_len(), 512);
    }
}
