//! Keys that can sign, and tokens that are put together by hand, so that they can be wrong.

#![allow(dead_code, reason = "no test file uses all of it")]

use jwt::{Acceptable, Algorithm, Algorithms, BadSignature, Expectations, KeySet, Token, Verified};
use jwt_simple::algorithms::{
    ECDSAP256KeyPairLike, ECDSAP384KeyPairLike, ES256KeyPair, ES384KeyPair, Ed25519KeyPair,
    EdDSAKeyPairLike, RS256KeyPair, RSAKeyPairLike,
};
use jwt_simple::reexports::ct_codecs::{Base64UrlSafeNoPadding, Encoder};
use p256::ecdsa::signature::Signer as _;
use serde_json::{Value, json};
use superboring::hash::MessageDigest;
use superboring::pkey::PKey;
use superboring::rsa::Padding;

/// When the tokens of these tests are held to be judged.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) const ISSUER: &str = "https://issuer.example.com";

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlSafeNoPadding::encode_to_string(bytes).unwrap()
}

/// Claims that nobody has anything against.
pub(crate) fn good_claims() -> Value {
    json!({"iss": ISSUER, "sub": "someone", "exp": NOW + 300, "iat": NOW - 10})
}

/// A key pair, or a secret.
pub(crate) enum Signer {
    Rsa(RS256KeyPair),
    P256(ES256KeyPair),
    P384(ES384KeyPair),
    Ed25519(Ed25519KeyPair),
    Secret(Vec<u8>),
}

impl Signer {
    /// The 2048 bit key of Wycheproof's first RS256 group.
    pub(crate) fn rsa() -> Self {
        let vectors: Value =
            serde_json::from_str(include_str!("../wycheproof/json_web_signature_test.json"))
                .unwrap();
        let mut jwk = vectors["testGroups"][2]["private"].clone();
        jwk.as_object_mut().unwrap().remove("kid");
        Self::Rsa(RS256KeyPair::from_jwk(&jwk.to_string()).unwrap())
    }

    pub(crate) fn p256() -> Self {
        Self::P256(ES256KeyPair::from_bytes(&[0x11; 32]).unwrap())
    }

    pub(crate) fn p384() -> Self {
        Self::P384(ES384KeyPair::from_bytes(&[0x11; 48]).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        let seed = ed25519_compact::Seed::new([0x11; 32]);
        let pair = ed25519_compact::KeyPair::from_seed(seed);
        Self::Ed25519(Ed25519KeyPair::from_bytes(pair.as_slice()).unwrap())
    }

    pub(crate) fn secret() -> Self {
        Self::Secret(vec![0x11; 32])
    }

    /// One that can sign by that algorithm.
    pub(crate) fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => Self::p256(),
            Algorithm::Es384 => Self::p384(),
            Algorithm::EdDsa => Self::ed25519(),
            Algorithm::Hs256 => Self::secret(),
            _ => Self::rsa(),
        }
    }

    /// Its public half, without `kid` and `alg`; a secret's only half.
    pub(crate) fn jwk(&self) -> Value {
        let jwk = match self {
            Self::Rsa(pair) => pair.public_key().to_jwk(),
            Self::P256(pair) => pair.public_key().to_jwk(),
            Self::P384(pair) => pair.public_key().to_jwk(),
            Self::Ed25519(pair) => pair.public_key().to_jwk(),
            Self::Secret(secret) => json!({"kty": "oct", "k": encode(secret)}).to_string(),
        };
        let mut jwk: Value = serde_json::from_str(&jwk).unwrap();
        jwk.as_object_mut().unwrap().remove("alg");
        jwk
    }

    /// Its public half, with more members.
    pub(crate) fn jwk_with(&self, members: &Value) -> Value {
        let mut jwk = self.jwk();
        for (name, value) in members.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    }

    /// The signature as a JWS has it.
    pub(crate) fn sign(&self, algorithm: Algorithm, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => {
                let padding = match algorithm {
                    Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => Padding::PKCS1_PSS,
                    _ => Padding::PKCS1,
                };
                let digest = match algorithm {
                    Algorithm::Rs384 | Algorithm::Ps384 => MessageDigest::sha384(),
                    Algorithm::Rs512 | Algorithm::Ps512 => MessageDigest::sha512(),
                    _ => MessageDigest::sha256(),
                };
                let key = PKey::from_rsa(pair.key_pair().as_ref().clone()).unwrap();
                let mut signer = superboring::sign::Signer::new(digest, &key).unwrap();
                signer.set_rsa_padding(padding).unwrap();
                signer.update(text).unwrap();
                signer.sign_to_vec().unwrap()
            }
            Self::P256(pair) => {
                let signature: p256::ecdsa::Signature = pair.key_pair().as_ref().sign(text);
                signature.to_vec()
            }
            Self::P384(pair) => {
                let signature: p384::ecdsa::Signature = pair.key_pair().as_ref().sign(text);
                signature.to_vec()
            }
            Self::Ed25519(pair) => pair.key_pair().as_ref().sk.sign(text, None).to_vec(),
            Self::Secret(secret) => hmac_sha256::HMAC::mac(text, secret).to_vec(),
        }
    }

    /// A token with that header and payload, to the letter.
    pub(crate) fn token(&self, algorithm: Algorithm, header: &str, payload: &str) -> String {
        let text = format!("{}.{}", encode(header), encode(payload));
        let signature = self.sign(algorithm, text.as_bytes());
        format!("{text}.{}", encode(signature))
    }

    /// A token with these claims and nothing special.
    pub(crate) fn plain_token(&self, algorithm: Algorithm, claims: &Value) -> String {
        let header = json!({"alg": algorithm.name(), "typ": "JWT"});
        self.token(algorithm, &header.to_string(), &claims.to_string())
    }
}

pub(crate) fn every_algorithm() -> Algorithms {
    Algorithm::ALL.into_iter().collect()
}

pub(crate) fn key_set(jwks: &[Value]) -> KeySet {
    let json = json!({ "keys": jwks }).to_string();
    KeySet::parse(json.as_bytes(), every_algorithm()).unwrap()
}

pub(crate) fn acceptable(token: &str) -> Acceptable<'_> {
    let token = Token::parse(token.as_bytes()).unwrap();
    Expectations::of_issuer(ISSUER).check(token, NOW).unwrap()
}

/// Verifies a token whose form and claims are right.
pub(crate) fn verify(keys: &KeySet, token: &str) -> Result<Verified, BadSignature> {
    keys.verify(acceptable(token), &mut |_| None)
}

/// What is said of a token, all steps in a row: "ok" or the reason.
pub(crate) fn verdict(keys: &KeySet, token: &[u8]) -> &'static str {
    let token = match Token::parse(token) {
        Ok(token) => token,
        Err(malformed) => return malformed.reason(),
    };
    let token = match Expectations::of_issuer(ISSUER).check(token, NOW) {
        Ok(token) => token,
        Err(error) => return error.reason(),
    };
    match keys.verify(token, &mut |_| None) {
        Ok(_) => "ok",
        Err(error) => error.reason(),
    }
}
