//! One key, and what it says of a signature.

use crate::json::{Object, Value};
use crate::key_set::Skipped;
use crate::{Algorithm, Algorithms, Jws, MAX_KEY_ID_BYTES, base64url, roca};
use http_filter::{SignatureCheck, SignatureHash};
use jwt_simple::algorithms::{
    ECDSAP256PublicKeyLike, ECDSAP384PublicKeyLike, ES256PublicKey, ES384PublicKey,
    Ed25519PublicKey, EdDSAPublicKeyLike, RS256PublicKey, RSAPublicKeyLike,
};
use p256::ecdsa::signature::DigestVerifier;
use superboring::hash::MessageDigest;
use superboring::pkey::{PKey, Public};
use superboring::rsa::Padding;
use superboring::sign::Verifier;

/// Somebody who verifies signatures faster than this crate can: the proxy's own cryptography
/// ([`Worker::verify_signature`](http_filter::Worker::verify_signature)). `None` where the
/// algorithm isn't on offer: then this crate verifies for itself.
pub type SignatureVerifier<'v> = dyn FnMut(&SignatureCheck<'_>) -> Option<bool> + 'v;

/// A key that may be used, and for what.
pub(crate) struct Key {
    id: Option<String>,
    algorithms: Algorithms,
    material: Material,
}

/// Public keys in the two forms that verifiers ask for.
enum Material {
    Rsa {
        key: Box<PKey<Public>>,
        /// A signature is as long as the modulus.
        bytes: usize,
        der: Vec<u8>,
    },
    P256 {
        key: p256::ecdsa::VerifyingKey,
        der: Vec<u8>,
    },
    P384 {
        key: p384::ecdsa::VerifyingKey,
        der: Vec<u8>,
    },
    Ed25519(ed25519_compact::PublicKey),
    Secret(Vec<u8>),
}

impl Key {
    /// Reads a JWK (RFC 7517, section 4) for the verification of signatures by these algorithms.
    pub(crate) fn parse(jwk: &Object, allowed: Algorithms) -> Result<Self, Skipped> {
        check_purpose(jwk)?;
        let kind = Kind::of(jwk)?;
        let algorithms = kind.algorithms().and(named_algorithms(jwk)?).and(allowed);
        if algorithms.is_empty() {
            return Err(Skipped::Algorithm);
        }
        let id = key_id(jwk)?;
        let material = Material::parse(kind, jwk)?;
        Ok(Self {
            id,
            algorithms,
            material,
        })
    }

    /// The key of HMAC with SHA-256.
    pub(crate) fn secret(secret: &[u8], id: Option<&str>) -> Result<Self, Skipped> {
        let id = match id {
            Some(id) if id.len() > MAX_KEY_ID_BYTES => return Err(Skipped::KeyId),
            id => id.filter(|id| !id.is_empty()).map(str::to_owned),
        };
        Ok(Self {
            id,
            algorithms: Algorithms::from_iter([Algorithm::Hs256]),
            material: Material::secret(secret.to_vec())?,
        })
    }

    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether the key is meant for that algorithm. It's the key that says so, never the token.
    pub(crate) fn serves(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(algorithm)
    }

    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.material, Material::Secret(_))
    }

    /// Whether the signature is this key's, over that text, by that algorithm.
    pub(crate) fn verifies(&self, jws: &Jws<'_>, verifier: &mut SignatureVerifier<'_>) -> bool {
        let (algorithm, text, signature) = (jws.algorithm(), jws.text(), jws.signature());
        // The set has asked already; a key vouches for itself all the same.
        if !self.serves(algorithm) {
            return false;
        }
        match &self.material {
            Material::Rsa { key, bytes, der } => {
                let Some((hash, padding)) = rsa_scheme(algorithm) else {
                    return false;
                };
                if signature.len() != *bytes {
                    return false;
                }
                if padding == Padding::PKCS1
                    && let Some(verdict) = verifier(&SignatureCheck {
                        hash,
                        key: der,
                        signature,
                        text,
                    })
                {
                    return verdict;
                }
                verify_rsa(key, hash, padding, signature, text)
            }
            Material::P256 { key, der } => {
                // Exactly two numbers of 32 bytes, neither zero nor beyond the group's order.
                let Ok(signature) = p256::ecdsa::Signature::from_slice(signature) else {
                    return false;
                };
                let in_der = signature.to_der();
                let check = SignatureCheck {
                    hash: SignatureHash::Sha256,
                    key: der,
                    signature: in_der.as_bytes(),
                    text,
                };
                match verifier(&check) {
                    Some(verdict) => verdict,
                    None => key
                        .verify_digest(
                            |digest: &mut hmac_sha256::Hash| {
                                digest.update(text);
                                Ok(())
                            },
                            &signature,
                        )
                        .is_ok(),
                }
            }
            Material::P384 { key, der } => {
                let Ok(signature) = p384::ecdsa::Signature::from_slice(signature) else {
                    return false;
                };
                let in_der = signature.to_der();
                let check = SignatureCheck {
                    hash: SignatureHash::Sha384,
                    key: der,
                    signature: in_der.as_bytes(),
                    text,
                };
                match verifier(&check) {
                    Some(verdict) => verdict,
                    None => key
                        .verify_digest(
                            |digest: &mut hmac_sha512::sha384::Hash| {
                                digest.update(text);
                                Ok(())
                            },
                            &signature,
                        )
                        .is_ok(),
                }
            }
            Material::Ed25519(key) => ed25519_compact::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(text, &signature).is_ok()),
            // Compares in constant time.
            Material::Secret(secret) => <&[u8; 32]>::try_from(signature)
                .is_ok_and(|signature| hmac_sha256::HMAC::verify(text, secret, signature)),
        }
    }
}

fn rsa_scheme(algorithm: Algorithm) -> Option<(SignatureHash, Padding)> {
    match algorithm {
        Algorithm::Rs256 => Some((SignatureHash::Sha256, Padding::PKCS1)),
        Algorithm::Rs384 => Some((SignatureHash::Sha384, Padding::PKCS1)),
        Algorithm::Rs512 => Some((SignatureHash::Sha512, Padding::PKCS1)),
        Algorithm::Ps256 => Some((SignatureHash::Sha256, Padding::PKCS1_PSS)),
        Algorithm::Ps384 => Some((SignatureHash::Sha384, Padding::PKCS1_PSS)),
        Algorithm::Ps512 => Some((SignatureHash::Sha512, Padding::PKCS1_PSS)),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa | Algorithm::Hs256 => None,
    }
}

/// Salt as long as the hash is this verifier's default, and what RFC 7518, section 3.5, asks for.
fn verify_rsa(
    key: &PKey<Public>,
    hash: SignatureHash,
    padding: Padding,
    signature: &[u8],
    text: &[u8],
) -> bool {
    let digest = match hash {
        SignatureHash::Sha256 => MessageDigest::sha256(),
        SignatureHash::Sha384 => MessageDigest::sha384(),
        SignatureHash::Sha512 => MessageDigest::sha512(),
    };
    let verdict = Verifier::new(digest, key).and_then(|mut verifier| {
        verifier.set_rsa_padding(padding)?;
        verifier.update(text)?;
        verifier.verify(signature)
    });
    verdict.unwrap_or(false)
}

/// Whether the key is there for verifying (RFC 7517, sections 4.2 and 4.3).
fn check_purpose(jwk: &Object) -> Result<(), Skipped> {
    if text(jwk, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(Skipped::Use);
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::List(operations)) => {
            let verify = Value::Text("verify".to_owned());
            operations
                .contains(&verify)
                .then_some(())
                .ok_or(Skipped::Operations)
        }
        Some(_) => Err(Skipped::Malformed),
    }
}

/// What a key is a number, a point or a secret of; with it go its algorithms and its form.
#[derive(Clone, Copy)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
    Secret,
}

impl Kind {
    fn of(jwk: &Object) -> Result<Self, Skipped> {
        match (text(jwk, "kty")?, text(jwk, "crv")?) {
            (Some("RSA"), _) => Ok(Self::Rsa),
            (Some("EC"), Some("P-256")) => Ok(Self::P256),
            (Some("EC"), Some("P-384")) => Ok(Self::P384),
            (Some("OKP"), Some("Ed25519")) => Ok(Self::Ed25519),
            (Some("oct"), _) => Ok(Self::Secret),
            (Some("EC" | "OKP"), _) => Err(Skipped::Curve),
            _ => Err(Skipped::KeyType),
        }
    }

    /// All that such a key can do.
    fn algorithms(self) -> Algorithms {
        let algorithms: &[Algorithm] = match self {
            Self::Rsa => &[
                Algorithm::Rs256,
                Algorithm::Rs384,
                Algorithm::Rs512,
                Algorithm::Ps256,
                Algorithm::Ps384,
                Algorithm::Ps512,
            ],
            Self::P256 => &[Algorithm::Es256],
            Self::P384 => &[Algorithm::Es384],
            Self::Ed25519 => &[Algorithm::EdDsa],
            Self::Secret => &[Algorithm::Hs256],
        };
        algorithms.iter().copied().collect()
    }
}

/// The algorithm that the key names, or all.
fn named_algorithms(jwk: &Object) -> Result<Algorithms, Skipped> {
    match text(jwk, "alg")? {
        None => Ok(Algorithm::ALL.into_iter().collect()),
        Some(name) => Algorithm::named(name)
            .map(|named| Algorithms::from_iter([named]))
            .ok_or(Skipped::Algorithm),
    }
}

fn key_id(jwk: &Object) -> Result<Option<String>, Skipped> {
    match text(jwk, "kid")? {
        Some(id) if id.len() > MAX_KEY_ID_BYTES => Err(Skipped::KeyId),
        id => Ok(id.filter(|id| !id.is_empty()).map(str::to_owned)),
    }
}

impl Material {
    fn parse(kind: Kind, jwk: &Object) -> Result<Self, Skipped> {
        // RFC 7518, sections 6.2.2 and 6.3.2; RFC 8037, section 2. Whoever reads the key set could
        // sign with it.
        if PRIVATE_MEMBERS.iter().any(|name| jwk.get(name).is_some()) {
            return Err(Skipped::PrivateKey);
        }
        match kind {
            Kind::Rsa => Self::rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?),
            Kind::P256 => Self::p256(&point::<32>(jwk)?),
            Kind::P384 => Self::p384(&point::<48>(jwk)?),
            Kind::Ed25519 => Self::ed25519(&bytes(jwk, "x")?),
            Kind::Secret => Self::secret(bytes(jwk, "k")?),
        }
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, Skipped> {
        let modulus = without_leading_zeros(modulus);
        let bits = match modulus.first() {
            Some(first) => modulus.len() * 8 - first.leading_zeros() as usize,
            None => 0,
        };
        if bits < MIN_RSA_BITS {
            return Err(Skipped::RsaTooShort);
        }
        if bits > MAX_RSA_BITS {
            return Err(Skipped::RsaTooLong);
        }
        if without_leading_zeros(exponent) != [1, 0, 1] {
            return Err(Skipped::RsaExponent);
        }
        if roca::has_fingerprint(modulus) {
            return Err(Skipped::RsaWeakGenerator);
        }
        // jwt-simple refuses an even modulus, too.
        let key =
            RS256PublicKey::from_components(modulus, &[1, 0, 1]).map_err(|_| Skipped::Malformed)?;
        let der = key.to_der().map_err(|_| Skipped::Malformed)?;
        let key =
            PKey::from_rsa(key.public_key().as_ref().clone()).map_err(|_| Skipped::Malformed)?;
        Ok(Self::Rsa {
            key: Box::new(key),
            bytes: modulus.len(),
            der,
        })
    }

    fn p256(point: &[u8]) -> Result<Self, Skipped> {
        let key = ES256PublicKey::from_bytes(point).map_err(|_| Skipped::Malformed)?;
        let der = key.to_der().map_err(|_| Skipped::Malformed)?;
        let key = *key.public_key().as_ref();
        Ok(Self::P256 { key, der })
    }

    fn p384(point: &[u8]) -> Result<Self, Skipped> {
        let key = ES384PublicKey::from_bytes(point).map_err(|_| Skipped::Malformed)?;
        let der = key.to_der().map_err(|_| Skipped::Malformed)?;
        let key = *key.public_key().as_ref();
        Ok(Self::P384 { key, der })
    }

    /// jwt-simple refuses the points of small order, under which anything is signed.
    fn ed25519(x: &[u8]) -> Result<Self, Skipped> {
        let key = Ed25519PublicKey::from_bytes(x).map_err(|_| Skipped::Malformed)?;
        Ok(Self::Ed25519(*key.public_key().as_ref()))
    }

    fn secret(secret: Vec<u8>) -> Result<Self, Skipped> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(Skipped::SecretTooShort);
        }
        Ok(Self::Secret(secret))
    }
}

/// RFC 7518, sections 3.3 and 3.5.
const MIN_RSA_BITS: usize = 2048;

/// What jwt-simple takes. The work grows with the square: some 4 ms here for this many.
const MAX_RSA_BITS: usize = 4096;

/// RFC 7518, section 3.2: no shorter than the hash.
const MIN_SECRET_BYTES: usize = 32;

/// The tag of a point with both coordinates (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// A point with coordinates of so many bytes, leading zeros and all (RFC 7518, section 6.2.1.2).
fn point<const BYTES: usize>(jwk: &Object) -> Result<Vec<u8>, Skipped> {
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    if x.len() != BYTES || y.len() != BYTES {
        return Err(Skipped::Malformed);
    }
    Ok([&[UNCOMPRESSED], x.as_slice(), y.as_slice()].concat())
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn bytes(jwk: &Object, name: &str) -> Result<Vec<u8>, Skipped> {
    text(jwk, name)?
        .and_then(|text| base64url::decode(text.as_bytes()))
        .ok_or(Skipped::Malformed)
}

fn text<'j>(jwk: &'j Object, name: &str) -> Result<Option<&'j str>, Skipped> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(Skipped::Malformed),
    }
}
