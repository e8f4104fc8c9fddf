"""The mesh's CA, and certificates with SPIFFE IDs as istiod gives them to workloads."""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = datetime.timedelta(hours=1)
TRUST_DOMAIN = "cluster.local"


class MeshAuthority:
    """A CA of the test's own, in place of istiod's."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, TRUST_DOMAIN)])
        self._certificate = (_builder(name, name, self._key)
                             .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                             .sign(self._key, hashes.SHA256()))

    def workload(self, folder: Path, namespace: str, account: str) -> Path:
        """`tls.crt`, `tls.key` and `ca.crt` of a service account, for the local runner."""
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        uri = x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{account}")
        # As istiod writes it: no subject, the ID critical, for either end of a connection.
        certificate = (_builder(x509.Name([]), self._certificate.subject, key)
                       .add_extension(x509.SubjectAlternativeName([uri]), critical=True)
                       .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                       .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                                      critical=False)
                       .sign(self._key, hashes.SHA256()))
        (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / "tls.key").write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        (folder / "ca.crt").write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        return folder


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + LIFETIME))
