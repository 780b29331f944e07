//! Passwords, secrets and tokens: made, hashed, compared.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use argon2::{PasswordHasher as _, PasswordVerifier as _};
use sha2::{Digest as _, Sha256};

/// Of these, those of RFC 4648's base 32, secrets consist: a double click takes a whole one, and none is taken for an
/// option on a command line, as one that begins with `-` is.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A fresh secret of 195 bits.
pub fn generate() -> String {
    let mut bytes = [0_u8; 39];
    getrandom::fill(&mut bytes).expect("the system has a source of random numbers");
    bytes
        .into_iter()
        .map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]))
        .collect()
}

/// 9 MiB and four passes: one of the settings that OWASP's cheat sheet on storing passwords calls equal. Its first, with
/// 19 MiB, was half of the memory of an idle replica.
const MEMORY_KIB: u32 = 9 * 1024;
const PASSES: u32 = 4;

/// Hashes a password or secret with Argon2id and a salt. Takes tens of milliseconds of a core.
pub fn hash(secret: &str) -> String {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("these are within its bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(secret.as_bytes())
        .expect("default parameters are valid")
        .to_string()
}

/// Whether `secret` is the one that `hash` was made of, in constant time. As slow as [`hash`] was: with which settings it
/// was made, a hash tells.
pub fn verify(secret: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(secret.as_bytes(), &hash)
            .is_ok()
    })
}

/// Digest under which a random token is stored or a verified secret is remembered.
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_of_letters_and_digits_and_none_is_made_twice() {
        let made: std::collections::HashSet<String> = (0..1_000).map(|_| generate()).collect();
        assert_eq!(made.len(), 1_000);
        for secret in made {
            assert_eq!(secret.len(), 39);
            assert!(
                secret.bytes().all(|byte| LETTERS.contains(&byte)),
                "{secret}"
            );
        }
    }

    #[test]
    fn a_hash_verifies_its_secret_only_and_is_salted() {
        let stored = hash("123456");
        assert!(verify("123456", &stored));
        assert!(!verify("123457", &stored));
        assert!(!verify("123456", "not a hash"));
        assert_ne!(stored, hash("123456"));
        assert!(stored.contains("m=9216,t=4,p=1"), "{stored}");
    }

    #[test]
    fn hashes_of_other_settings_verify_too() {
        let stored = Argon2::default()
            .hash_password(b"123456")
            .expect("default parameters are valid")
            .to_string();
        assert!(stored.contains("m=19456"), "{stored}");
        assert!(verify("123456", &stored) && !verify("123457", &stored));
    }
}
