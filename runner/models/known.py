"""The classes, functions and operators that a saved model may contain: those known to run no code of a file.

From the source of tf-keras 2.21: each computes numbers from numbers, given only what JSON can hold. A class
that a later tf-keras adds is refused until it is added here. `tests/models/test_known.py` compares the lists
with what the installed tf-keras exports.
"""

from typing import Any

import tf_keras


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


LAYERS = _names(
    """
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average AveragePooling1D
    AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BatchNormalization Bidirectional
    CategoryEncoding CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
    Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose Convolution2D
    Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D Cropping2D Cropping3D Dense
    DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Flatten GRU GRUCell
    GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization HashedCrossing Hashing
    Identity InputLayer IntegerLookup LSTM LSTMCell Layer LayerNormalization LeakyReLU LocallyConnected1D
    LocallyConnected2D Masking MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum
    Minimum MultiHeadAttention Multiply Normalization PReLU Permute RNN RandomBrightness RandomContrast
    RandomCrop RandomFlip RandomHeight RandomRotation RandomTranslation RandomWidth RandomZoom ReLU
    RepeatVector Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SeparableConvolution1D
    SeparableConvolution2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D
    SpectralNormalization StackedRNNCells StringLookup Subtract TextVectorization ThresholdedReLU
    TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D Wrapper ZeroPadding1D
    ZeroPadding2D ZeroPadding3D

    AddLoss AddMetric BatchNormalizationV1 BatchNormalizationV2 CuDNNGRU CuDNNLSTM GRUCellV1 GRUCellV2 GRUV1
    GRUV2 LSTMCellV1 LSTMCellV2 LSTMV1 LSTMV2 SyncBatchNormalization
    """
)
"""Layers, exported or found in files. A path as a `vocabulary` is checked separately."""

MODELS = frozenset({"Functional", "Model", "Sequential"})

OPERATOR_LAYERS = frozenset({"SlicingOpLambda", "TFOpLambda"})
"""Layers that hold one function of TensorFlow by name, which must be in `OPERATORS`."""

# tf-keras registers it for itself, for InceptionResNetV2: it multiplies by a number.
_REGISTERED_BY_KERAS = frozenset({"Custom>CustomScaleLayer"})

INITIALIZERS = _names(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal
    RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros
    """
)
REGULARIZERS = frozenset({"L1", "L1L2", "L2", "OrthogonalRegularizer"})
CONSTRAINTS = frozenset({"MaxNorm", "MinMaxNorm", "NonNeg", "RadialConstraint", "UnitNorm"})

CLASSES = (
    LAYERS
    | MODELS
    | OPERATOR_LAYERS
    | _REGISTERED_BY_KERAS
    | INITIALIZERS
    | frozenset(f"{name}V2" for name in INITIALIZERS)
    | REGULARIZERS
    | CONSTRAINTS
    | {"Policy", "PolicyV1"}
)
"""Every `class_name` of tf-keras's that a file may have."""

REFUSED = {
    "Lambda": "its Python code comes with the file",
    "DropoutWrapper": "it can hold Python code that comes with the file",
    "ResidualWrapper": "it can hold Python code that comes with the file",
    "DeviceWrapper": "it wraps a cell as the two wrappers do that hold Python code",
    "_RNNCellWrapper": "it wraps a cell as the two wrappers do that hold Python code",
    "TensorFlowOpLayer": "it runs any operator of TensorFlow, also such as write files",
    "ClassMethod": "it calls a method of TensorFlow by name",
    "InstanceMethod": "it calls a method of its input by name",
    "InstanceProperty": "it reads an attribute of its input by name",
    "DenseFeatures": "its feature columns hold functions and read files",
    "SequenceFeatures": "its feature columns hold functions and read files",
    "LinearModel": "it is experimental and builds its parts by rules of its own",
    "WideDeepModel": "it is experimental and builds its parts by rules of its own",
    "AbstractRNNCell": "it is abstract",
    "BaseRandomLayer": "it is abstract",
    "BatchNormalizationBase": "it is abstract",
    "Initializer": "it is abstract",
    "Regularizer": "it is abstract",
    "Constraint": "it is abstract",
    "Input": "it is a function and no layer",
    "InputSpec": "it is no layer",
}
"""Other names that tf-keras can load, each with the reason why it is not loaded from a file."""

VALUES = frozenset({"TensorShape", "__tuple__", "__ellipsis__", "__bytes__", "__tensor__", "__numpy__"})
"""Class names for plain values that JSON has no notation for."""

FUNCTIONS = _names(
    """
    elu exponential gelu hard_sigmoid leaky_relu linear log_softmax mish relu relu6 selu sigmoid silu softmax
    softplus softsign swish tanh
    """
)
"""Activations, without `get` and `deserialize` of their module, which build objects from their arguments."""

ALIASES = _names(
    """
    constant glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal lecun_uniform normal one
    ones orthogonal random_normal random_uniform truncated_normal uniform variance_scaling zero zeros l1
    l1_l2 l2 orthogonal_regularizer max_norm maxnorm min_max_norm non_neg nonneg radial_constraint unit_norm
    unitnorm
    """
)
"""Initializers, regularizers and constraints by the names they have in lower case."""

# Functions of TensorFlow from tensors to tensors: no files, no Python functions, no variables, no text.
# Those that make a tensor of a given size (`zeros`) are included: the size may be another tensor.
_OPERATORS = {
    "": """
        argsort batch_to_space bitcast boolean_mask broadcast_to cast clip_by_norm clip_by_value concat
        convert_to_tensor cumsum divide einsum ensure_shape expand_dims eye fill floor_div gather gather_nd
        histogram_fixed_width identity identity_n linspace meshgrid norm one_hot ones ones_like pad range
        rank realdiv repeat reshape reverse reverse_sequence roll scatter_nd searchsorted sequence_mask shape
        shape_n size slice sort space_to_batch split squeeze stack stop_gradient strided_slice
        tensor_scatter_nd_add tensor_scatter_nd_max tensor_scatter_nd_min tensor_scatter_nd_sub
        tensor_scatter_nd_update tensordot tile to_float to_int32 to_int64 transpose truncatediv truncatemod
        unravel_index unstack where where_v2 zeros zeros_like
        """,
    "__operators__": "add eq getitem ne",
    "bitwise": "bitwise_and bitwise_or bitwise_xor invert left_shift right_shift",
    "dtypes": "complex saturate_cast",
    "image": """
        adjust_brightness adjust_contrast adjust_gamma adjust_hue adjust_saturation central_crop
        convert_image_dtype crop_and_resize crop_to_bounding_box extract_patches flip_left_right flip_up_down
        grayscale_to_rgb hsv_to_rgb image_gradients pad_to_bounding_box per_image_standardization resize
        resize_bicubic resize_bilinear resize_images resize_nearest_neighbor resize_with_crop_or_pad
        resize_with_pad rgb_to_grayscale rgb_to_hsv rgb_to_yiq rgb_to_yuv rot90 sobel_edges total_variation
        transpose yiq_to_rgb yuv_to_rgb
        """,
    "linalg": """
        adjoint band_part cross det diag diag_part eye inv l2_normalize matmul matrix_transpose matvec norm
        normalize set_diag tensor_diag tensor_diag_part tensordot trace
        """,
    "math": """
        abs accumulate_n acos acosh add add_n angle argmax argmin asin asinh atan atan2 atanh ceil conj cos
        cosh count_nonzero cumprod cumsum cumulative_logsumexp digamma divide divide_no_nan equal erf erfc
        erfcinv erfinv exp expm1 floor floordiv floormod greater greater_equal imag in_top_k is_finite is_inf
        is_nan l2_normalize less less_equal lgamma log log1p log_sigmoid log_softmax logical_and logical_not
        logical_or logical_xor maximum minimum mod multiply multiply_no_nan ndtri negative not_equal polyval
        pow real reciprocal reciprocal_no_nan reduce_all reduce_any reduce_euclidean_norm reduce_logsumexp
        reduce_max reduce_mean reduce_min reduce_prod reduce_std reduce_sum reduce_variance rint round rsqrt
        scalar_mul segment_max segment_mean segment_min segment_prod segment_sum sigmoid sign sin sinh
        softmax softplus softsign sqrt square squared_difference subtract tan tanh top_k truediv
        unsorted_segment_max unsorted_segment_mean unsorted_segment_min unsorted_segment_prod
        unsorted_segment_sum xdivy xlog1py xlogy zero_fraction
        """,
    "nn": """
        atrous_conv2d atrous_conv2d_transpose avg_pool avg_pool1d avg_pool2d avg_pool3d avg_pool_v2
        batch_normalization bias_add conv1d conv1d_transpose conv2d conv2d_transpose conv3d conv3d_transpose
        conv_transpose convolution crelu depth_to_space depthwise_conv2d dilation2d dropout elu
        embedding_lookup erosion2d gelu l2_loss l2_normalize leaky_relu local_response_normalization
        log_softmax max_pool max_pool1d max_pool2d max_pool3d max_pool_v2 max_pool_with_argmax moments
        normalize_moments pool relu relu6 relu_layer selu separable_conv2d sigmoid
        sigmoid_cross_entropy_with_logits silu softmax softmax_cross_entropy_with_logits softplus softsign
        space_to_depth sparse_softmax_cross_entropy_with_logits swish tanh top_k weighted_moments
        zero_fraction
        """,
    "random": "normal uniform truncated_normal",
    "signal": """
        dct fft fft2d fftshift frame hamming_window hann_window idct ifft ifft2d ifftshift inverse_stft irfft
        irfft2d linear_to_mel_weight_matrix mfccs_from_log_mel_spectrograms overlap_and_add rfft rfft2d stft
        """,
    "keras.activations": """
        elu exponential gelu hard_sigmoid linear mish relu selu sigmoid softmax softplus softsign swish tanh
        """,
    "keras.backend": """
        abs all any argmax argmin batch_dot batch_flatten bias_add cast clip concatenate conv1d conv2d
        conv2d_transpose conv3d cos cumprod cumsum depthwise_conv2d dot dropout elu equal exp expand_dims
        flatten gather greater greater_equal hard_sigmoid l2_normalize less less_equal
        log max maximum mean min minimum not_equal one_hot ones_like permute_dimensions pool2d
        pool3d pow prod relu repeat repeat_elements reshape resize_images resize_volumes reverse round
        separable_conv2d shape sigmoid sign sin softmax softplus softsign spatial_2d_padding
        spatial_3d_padding sqrt square squeeze stack std stop_gradient sum tanh temporal_padding tile
        transpose var zeros_like
        """,
}
OPERATORS = frozenset(
    f"{part}.{name}" if part else name for part, names in _OPERATORS.items() for name in names.split()
)
"""Functions of TensorFlow that an operator's layer may hold, by their names in saved files."""

_PACKAGES = ("", ".layers", ".models", ".initializers", ".regularizers", ".constraints", ".activations")
_PLACES = (
    *(
        ".mixed_precision",
        ".layers.experimental",
        ".layers.experimental.preprocessing",
        ".layers.preprocessing",
    ),
    *(".src.engine.functional", ".src.engine.sequential", ".src.engine.training", ".src.engine.base_layer"),
    *(".src.layers.core.tf_op_layer", ".engine.functional", ".layers.core.tf_op_layer"),
    ".src.applications.inception_resnet_v2",
)
MODULES = frozenset(
    {"builtins", *(f"{root}{place}" for root in ("keras", "tf_keras") for place in (*_PACKAGES, *_PLACES))}
)
"""Every `module` that a file may name, since tf-keras imports it; plugins' registered classes excepted."""


def is_operator(symbol: Any) -> bool:
    """Whether a `TFOpLambda` may hold a function; TensorFlow 1's form of an operator counts too."""
    return isinstance(symbol, str) and symbol.removeprefix("compat.v1.") in OPERATORS


def registered(name: Any) -> Any:
    """Returns the object that the runner or a plugin has registered with tf-keras under a name, or None.

    Objects that tf-keras registers itself, such as optimizers, count only where they are in `CLASSES`.
    """
    found = tf_keras.saving.get_registered_object(name) if isinstance(name, str) else None
    own = str(getattr(found, "__module__", "")).partition(".")[0] == "tf_keras"
    if own and str(name).startswith("Custom>") and name not in _REGISTERED_BY_KERAS:
        return None
    return found
