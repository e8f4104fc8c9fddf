"""cert-manager's part: Secrets for the Certificates of an overlay, signed as their issuers say.

A Certificate of a self-signed Issuer signs itself, one of a CA Issuer is signed
with that Issuer's Secret. Hosts and name constraints are the resources', so
what the tests trust is what the shipped resources ask for.
"""

from __future__ import annotations

import datetime
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml
from bed.gateway import RUNNER
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class Pair:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def write_secrets(overlay: Path, folder: Path, names: tuple[str, ...]) -> None:
    """The Secrets of these names, each as a folder for the local runner: `tls.crt`, `tls.key`, `ca.crt`."""
    resources = _built(overlay)
    for name in names:
        certificate = next(r for r in resources if r["kind"] == "Certificate" and r["spec"]["secretName"] == name)
        issuer = _issuer(resources, certificate)
        authority = _issued(resources, issuer["spec"]["ca"]["secretName"])
        issued = _signed(certificate["spec"], authority)
        target = folder / name
        target.mkdir(parents=True)
        (target / "tls.crt").write_bytes(issued.pem)
        (target / "ca.crt").write_bytes(authority.pem)
        (target / "tls.key").write_bytes(issued.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def _built(overlay: Path) -> list[dict]:
    done = subprocess.run([str(RUNNER), "-overlay", str(overlay), "-build"], capture_output=True, check=True, timeout=60)
    return [resource for resource in yaml.load_all(done.stdout, yaml.CSafeLoader) if resource]


def _issuer(resources: list[dict], certificate: dict) -> dict:
    wanted = certificate["spec"]["issuerRef"]
    return next(r for r in resources if r["kind"] == wanted["kind"] and r["metadata"]["name"] == wanted["name"]
                and r["metadata"]["namespace"] == certificate["metadata"]["namespace"])


def _issued(resources: list[dict], secret: str) -> Pair:
    """A CA: its Certificate must be one that signs itself."""
    certificate = next(r for r in resources if r["kind"] == "Certificate" and r["spec"]["secretName"] == secret)
    assert certificate["spec"]["isCA"] and "selfSigned" in _issuer(resources, certificate)["spec"]
    return _signed(certificate["spec"], None)


def _signed(spec: dict, authority: Pair | None) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, spec["commonName"])] if "commonName" in spec else [])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateBuilder().subject_name(subject)
               .issuer_name(authority.certificate.subject if authority else subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + LIFETIME)
               .add_extension(x509.BasicConstraints(ca=spec.get("isCA", False), path_length=None), critical=True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False))
    if authority:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    if hosts := spec.get("dnsNames"):
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=not subject)
    if constraints := spec.get("nameConstraints"):
        permitted = [x509.DNSName(domain) for domain in constraints["permitted"]["dnsDomains"]]
        builder = builder.add_extension(x509.NameConstraints(permitted, None), critical=constraints["critical"])
    if "server auth" in spec.get("usages", []):
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return Pair(key, builder.sign((authority.key if authority else key), hashes.SHA256()))
