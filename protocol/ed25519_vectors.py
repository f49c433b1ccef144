"""Ed25519 vectors that a program runs before it trusts its verifier: part of ``tests/vectors/ed25519.json``.

Written there with their origin and construction (RFC 8032 §7.1, and our own made from rule P6 by
``tests/reference_ed25519.py``); a test holds the two files together. Kept in the package because an
installed node has no test directory.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["VECTORS", "Vector"]


class Vector(NamedTuple):
    """One signature and its verdict; byte strings are hexadecimal. With a seed, signing must reproduce it."""

    name: str
    valid: bool
    pub: str
    message: str
    signature: str
    seed: str = ""


VECTORS: Final = (
    Vector(
        "rfc8032 test 1",
        True,
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    ),
    Vector(
        "rfc8032 test 2",
        True,
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    ),
    Vector(
        "rfc8032 test 3",
        True,
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    ),
    Vector(
        "rfc8032 test sha(abc)",
        True,
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
    ),
    Vector(
        "other message",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f722e",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "R bit",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a6c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "S bit",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a179e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "S + L",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "8d4dd99b9ac03f0acd385b5c9810dc326974dc601e9f1ad29540ce7a38b6b21d",
    ),
    Vector(
        "S = L",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
    ),
    Vector(
        "S all ones",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ),
    Vector(
        "short",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b2",
    ),
    Vector(
        "long",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d"
        "00",
    ),
    Vector(
        "empty signature",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "",
    ),
    Vector(
        "short key",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "all identity",
        False,
        "0100000000000000000000000000000000000000000000000000000000000000",
        "636f6f706e6f6465206564323535313920766563746f72",
        "0100000000000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000000000000000000000000000",
    ),
    Vector(
        "small-order A 0",
        False,
        "0100000000000000000000000000000000000000000000000000000000000000",
        "636f6f706e6f6465206564323535313920766563746f720000",
        "d4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712"
        "0300000000000000000000000000000000000000000000000000000000000000",
    ),
    Vector(
        "small-order R 0",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "0100000000000000000000000000000000000000000000000000000000000000"
        "a6409bb923431b6d555c00d31e4170c27ffdc161353152bcb3cec7712b666f04",
    ),
    Vector(
        "small-order A 1",
        False,
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "636f6f706e6f6465206564323535313920766563746f72000a",
        "d4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712"
        "0300000000000000000000000000000000000000000000000000000000000000",
    ),
    Vector(
        "small-order R 1",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
        "697040cc582b2f1c269df032e4df38c4fd0f5ca9644de3cbc4547885e864c00d",
    ),
    Vector(
        "small-order A 2",
        False,
        "0000000000000000000000000000000000000000000000000000000000000080",
        "636f6f706e6f6465206564323535313920766563746f720000",
        "d4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712"
        "0300000000000000000000000000000000000000000000000000000000000000",
    ),
    Vector(
        "small-order R 2",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "0000000000000000000000000000000000000000000000000000000000000080"
        "a6d00bf890fac623145a039d0b6e669cd3bdf377a45d8da43c81386c9079fe0b",
    ),
    Vector(
        "small-order A 3",
        False,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "636f6f706e6f6465206564323535313920766563746f720013",
        "d4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712"
        "0300000000000000000000000000000000000000000000000000000000000000",
    ),
    Vector(
        "small-order R 3",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
        "d17ce8a58dc9298abe3d90a7f452496c51f99ad4acb22b8f889a910e73720a02",
    ),
    Vector(
        "small-order A 4",
        False,
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "636f6f706e6f6465206564323535313920766563746f720001",
        "d4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712"
        "0300000000000000000000000000000000000000000000000000000000000000",
    ),
    Vector(
        "small-order R 4",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
        "670b038bca40d7ec47fbbd4690822c8c7f07d93151c5743aed5ca54cb6fce001",
    ),
    Vector(
        "small-order A 5",
        False,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "636f6f706e6f6465206564323535313920766563746f720002",
        "d4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712"
        "0300000000000000000000000000000000000000000000000000000000000000",
    ),
    Vector(
        "small-order R 5",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"
        "448397ae7005f267a5db78ff4d544c472c40fe53bd330d556fe44c3f015cb00c",
    ),
    Vector(
        "small-order A 6",
        False,
        "0000000000000000000000000000000000000000000000000000000000000000",
        "636f6f706e6f6465206564323535313920766563746f720004",
        "d4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712"
        "0300000000000000000000000000000000000000000000000000000000000000",
    ),
    Vector(
        "small-order R 6",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "0000000000000000000000000000000000000000000000000000000000000000"
        "0b97308913325ffe2c5a4c7db762022e60084a2648db86fc7967d728b6aacc06",
    ),
    Vector(
        "small-order A 7",
        False,
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "636f6f706e6f6465206564323535313920766563746f720005",
        "d4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712"
        "0300000000000000000000000000000000000000000000000000000000000000",
    ),
    Vector(
        "small-order R 7",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"
        "d76dc06489f5ca2751cce897f685b75e68f11bc89921b1b2876eb3ebdecc2908",
    ),
    Vector(
        "non-canonical A y = p + 1, sign 0",
        False,
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "non-canonical R y = p + 1, sign 0",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "non-canonical A identity with sign",
        False,
        "0100000000000000000000000000000000000000000000000000000000000080",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "non-canonical R identity with sign",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "0100000000000000000000000000000000000000000000000000000000000080"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "A off the curve",
        False,
        "0200000000000000000000000000000000000000000000000000000000000000",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "R off the curve",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "0200000000000000000000000000000000000000000000000000000000000000"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "non-canonical A y = p + 3, sign 0",
        False,
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "non-canonical R y = p + 3, sign 0",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "non-canonical A y = p + 3, sign 1",
        False,
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "non-canonical R y = p + 3, sign 1",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "non-canonical A y = p + 4, sign 0",
        False,
        "f1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "non-canonical R y = p + 4, sign 0",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "f1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "non-canonical A y = p + 4, sign 1",
        False,
        "f1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "636f6f706e6f6465206564323535313920766563746f72",
        "a7c27692894f493103e9980f40911a4c9fad78b1fc3e0a40468b160c3158af32"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "non-canonical R y = p + 4, sign 1",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "f1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        "a079e33e805d2db2f69b63b9b916fd1d6974dc601e9f1ad29540ce7a38b6b20d",
    ),
    Vector(
        "torsioned R 1",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "7362cde457d783d2ea3b6ef46737b73bdc8be7e9c45e0d73bb2ac6e31b1d5a96"
        "6e663e47fea4f992e4d39c19bb22eb4c1e10dd1271beec235a4aeebb31c25c07",
    ),
    Vector(
        "torsioned R 2",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "686aa23486001bc5006d9bd4fe1e7e4c2d517dee327f6c8afd472adf5f9f69ca"
        "59d52e57f2b118804a1bd10d85ae901dbb07878f027b34c97b69f342918eeb08",
    ),
    Vector(
        "torsioned R 3",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "8b388f497a44edba7dc2ea9ff205a0641595bdecd5df79e4d19b9bffb42e1f51"
        "7f05824b3a3afd3959b67efc3d02e4ea258c7ca4e627ffb022dd11dfd72bb407",
    ),
    Vector(
        "torsioned R 4",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "473fc7e339aa49b7c74b474b09f490f8b5f54700388de9668fb402f88d9d2e0c"
        "e837e74ae2d2d953c429081e670ec6f0133f4ad421f1a9f9a1c2252d6eea8b0a",
    ),
    Vector(
        "torsioned R 5",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "cb6fba9a84b4f32393078a0b9abeabe413b89c74992e5ec07db87fdcf53432c1"
        "7a084a1a1cd280e8bd2dfc37656503f7f0c9e1d7417dc7689810203c65e9f202",
    ),
    Vector(
        "torsioned R 6",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "52d1ccd059e4d48bc0efead339e01e161789436b240366016e98b13dc547f8bc"
        "0963b28a83a93850d5811e674824204737a26680b07dc5b88947755846429703",
    ),
    Vector(
        "torsioned R 7",
        False,
        "c1f29e86dd8462233e7e5c8da61d347b336a06aef7bf547b0beb5f64b8c870ad",
        "636f6f706e6f6465206564323535313920766563746f72",
        "d94997c88547f5e495862f632eef44f1c546134f987464fc834cbc5fcebfee8c"
        "93e23e08244a747276b51467e1a095313b2321992aec48358f7f0644f0810e07",
    ),
    Vector(
        "torsioned A, k not a multiple of 8",
        False,
        "36c23f483cfd5024f05d401ae0405169824a29fe429ef21854c33fadbfe206db",
        "636f6f706e6f6465206564323535313920766563746f72",
        "d5fa424be508845de52aac6aaa713f23cc1c922ff97abbf5e38261632dcdbafb"
        "6e09af00b435a9903571234327411d4eb546c16188a58d5a703e7c12aa64f40d",
    ),
    Vector(
        "torsioned A, k a multiple of 8",
        True,
        "36c23f483cfd5024f05d401ae0405169824a29fe429ef21854c33fadbfe206db",
        "636f6f706e6f6465206564323535313920766563746f72",
        "7e0840c702cc1a9b5dad339add62532077847071b161e89dfc58e9defa5262af"
        "14ec9dde1eafbbd6e8bc59bc4f26d594b60b180764eebbae2ac46c262db74b0e",
    ),
    Vector(
        "torsion in A and R cancels",
        True,
        "36c23f483cfd5024f05d401ae0405169824a29fe429ef21854c33fadbfe206db",
        "636f6f706e6f6465206564323535313920766563746f72",
        "8efc0e6299bf0668841c93b6f3de002ec00b22d225588f229e3182847ec5566c"
        "b1668156621cf572b26ba8df835186efab2af5a70e2874079fddd92897413504",
    ),
)
