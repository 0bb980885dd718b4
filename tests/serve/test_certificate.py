"""The certificate is loaded at the start, renewed while running, and never lost to a bad file."""

import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from mizu.base.errors import ConfigError
from mizu.serve.certificate import Certificate, judge

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl program to make a certificate")


class Told:
    def __init__(self):
        self.infos, self.errors = [], []
        self.info, self.error = self.infos.append, self.errors.append


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """Certificate and key in one file."""
    path = tmp_path_factory.mktemp("pem") / "both.pem"
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                           "-keyout", "-", "-days", "2", "-subj", "/CN=localhost"], capture_output=True, check=True)
    path.write_bytes(made.stdout)
    return path


@pytest.fixture
def certificate(pem, tmp_path):
    path = tmp_path / "cert.pem"
    shutil.copy(pem, path)
    return Certificate(SimpleNamespace(sslcert=str(path), sslkey=""), Told())


def renew(certificate, data, when):
    with open(certificate.settings.sslcert, "wb") as file:
        file.write(data)
    os.utime(certificate.settings.sslcert, ns=(when, when))
    certificate.load()


def test_none_is_none():
    certificate = Certificate(SimpleNamespace(sslcert="", sslkey=""), Told())
    certificate.load()
    assert certificate.context is None


def test_it_is_loaded_once_and_again_when_the_file_is_new(certificate, pem):
    certificate.load()
    first = certificate.context
    certificate.load()
    assert certificate.context is first is not None and certificate.log.infos == []
    renew(certificate, pem.read_bytes(), 10 ** 18)
    assert certificate.context is not first and certificate.log.infos == ["the certificate was loaded again"]


def test_a_bad_one_ends_the_start_and_later_leaves_the_old_one(certificate, pem):
    certificate.load()
    first = certificate.context
    for when in (1, 2):
        renew(certificate, b"rubbish", when * 10 ** 18)
        certificate.load()
        assert certificate.context is first and len(certificate.log.errors) == when
    assert "holds no certificate" in certificate.log.errors[0]
    renew(certificate, pem.read_bytes(), 3 * 10 ** 18)
    assert certificate.context is not first
    with pytest.raises(ConfigError, match="holds no certificate"):
        renew(Certificate(certificate.settings, Told()), b"rubbish", 4 * 10 ** 18)
    with pytest.raises(ConfigError, match="cannot be read"):
        judge(SimpleNamespace(sslcert="/nowhere/cert.pem", sslkey=""))
