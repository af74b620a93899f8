"""Operators of TensorFlow that a tagger may have: they compute, and do nothing else.

What is in no list, such as `WriteFile`, `PrintV2`, `PyFunc` or `ReadFile`, is refused,
and so is whatever TensorFlow gets in the future: none is allowed by a rule.
"""

from __future__ import annotations

NUMBERS = """
    Abs AccumulateNV2 Acos Acosh Add AddN AddV2 All Angle Any ApproxTopK
    ApproximateEqual ArgMax ArgMin Asin Asinh Atan Atan2 Atanh AvgPool
    BandedTriangularSolve BatchMatMul BatchMatMulV2 BatchMatMulV3
    BatchNormWithGlobalNormalization Betainc BiasAdd BiasAddV1 Bincount BitwiseAnd
    BitwiseOr BitwiseXor BlockLSTM BlockLSTMV2 Bucketize CTCGreedyDecoder Ceil
    CheckNumerics CheckNumericsV2 Cholesky ClipByValue Complex ComplexAbs Conj Conv2D
    Cos Cosh Cross CudnnRNN CudnnRNNV2 CudnnRNNV3 Cumprod Cumsum CumulativeLogsumexp
    DenseBincount DepthwiseConv2dNative Dequantize Digamma Dilation2D Div DivNoNan
    Einsum Elu Equal Erf Erfc Erfinv EuclideanNorm Exp Expint Expm1 FFT FFT2D FFT3D
    FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel
    Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3
    GRUBlockCell Greater GreaterEqual HistogramFixedWidth IFFT IFFT2D IFFT3D IRFFT
    IRFFT2D Igamma Igammac Imag InTopK InTopKV2 Inv Invert IsFinite IsInf IsNan
    L2Loss LSTMBlockCell LeakyRelu LeftShift Less LessEqual Lgamma LinSpace Log Log1p
    LogMatrixDeterminant LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul
    MatrixDeterminant MatrixInverse MatrixSolve MatrixTriangularSolve Max MaxPool
    MaxPoolV2 Maximum Mean Min Minimum Mod Mul MulNoNan Ndtri Neg NextAfter NotEqual
    NthElement Polygamma PopulationCount Pow Prod Qr QuantizeAndDequantizeV2
    QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2 RFFT RFFT2D Real RealDiv
    Reciprocal Relu Relu6 RightShift Rint Round Rsqrt SegmentMax SegmentMaxV2
    SegmentMean SegmentMin SegmentMinV2 SegmentProd SegmentProdV2 SegmentSum
    SegmentSumV2 Selu Sigmoid Sign Sin Sinh Softmax SoftmaxCrossEntropyWithLogits
    Softplus Softsign SparseSoftmaxCrossEntropyWithLogits Sqrt Square
    SquaredDifference Sub Sum Tan Tanh TopK TopKV2 TruncateDiv TruncateMod
    UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum Xdivy
    Xlog1py Xlogy Zeta
"""
ARRAYS = """
    BatchMatrixBandPart BatchMatrixDiag BatchMatrixDiagPart BatchMatrixSetDiag
    BatchToSpaceND Bitcast BroadcastArgs BroadcastTo Cast Concat ConcatOffset ConcatV2
    ConjugateTranspose Const Diag DiagPart DynamicPartition DynamicStitch
    EnsureShape ExpandDims Fill Gather GatherNd GatherV2 GuaranteeConst Identity
    IdentityN InplaceAdd InplaceSub InplaceUpdate InvertPermutation ListDiff LowerBound
    MatrixBandPart MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3
    MatrixDiagV2 MatrixDiagV3 MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3 MirrorPad
    OneHot OnesLike Pack Pad PadV2 ParallelConcat ParallelDynamicStitch Placeholder
    PlaceholderV2 PlaceholderWithDefault PreventGradient RaggedBincount RaggedCross
    RaggedFillEmptyRows RaggedGather RaggedRange RaggedTensorFromVariant
    RaggedTensorToSparse RaggedTensorToTensor RaggedTensorToVariant Range Rank Reshape
    Reverse ReverseSequence ReverseV2 Roll ScatterNd ScatterNdNonAliasingAdd Select
    SelectV2 SetSize Shape ShapeN Size Slice SpaceToBatchND SparseConcat
    SparseDenseCwiseAdd SparseDenseCwiseDiv SparseDenseCwiseMul SparseFillEmptyRows
    SparseReduceMax SparseReduceSum SparseReorder SparseReshape SparseSegmentMean
    SparseSegmentMeanWithNumSegments SparseSegmentSqrtN
    SparseSegmentSqrtNWithNumSegments SparseSegmentSum SparseSegmentSumWithNumSegments
    SparseSlice SparseSoftmax SparseSplit SparseTensorDenseAdd SparseTensorDenseMatMul
    SparseToDense Split SplitV Squeeze StopGradient StridedSlice TensorScatterAdd
    TensorScatterMax TensorScatterMin TensorScatterSub TensorScatterUpdate
    TensorStridedSliceUpdate Tile Transpose Unique UniqueV2 UniqueWithCounts
    UniqueWithCountsV2 Unpack UnravelIndex UpperBound Where XlaDynamicUpdateSlice
    ZerosLike
"""
RANDOM = """
    Multinomial ParameterizedTruncatedNormal RandomIndexShuffle RandomShuffle
    RandomStandardNormal RandomUniform RandomUniformInt StatefulRandomBinomial
    StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform
    StatefulUniformFullInt StatefulUniformInt StatelessMultinomial
    StatelessParameterizedTruncatedNormal StatelessRandomBinomial StatelessRandomGetAlg
    StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg StatelessRandomNormal
    StatelessRandomNormalV2 StatelessRandomUniform StatelessRandomUniformFullInt
    StatelessRandomUniformFullIntV2 StatelessRandomUniformInt
    StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessShuffle
    StatelessTruncatedNormal StatelessTruncatedNormalV2 TruncatedNormal
"""
TEXTS = """
    AsString DecodeBase64 DecodePaddedRaw DecodeRaw EncodeBase64 HistogramSummary
    MergeSummary ParseExample ParseExampleV2 ParseSequenceExample ParseSequenceExampleV2
    ParseSingleExample ParseSingleSequenceExample ReduceJoin RegexFullMatch RegexReplace
    ScalarSummary ShardedFilename StaticRegexFullMatch StaticRegexReplace StringFormat
    StringJoin StringLength StringLower StringNGrams StringSplit StringSplitV2
    StringStrip StringToHashBucket StringToHashBucketFast StringToHashBucketStrong
    StringToNumber StringUpper Substr TensorSummaryV2 UnicodeDecode
    UnicodeDecodeWithOffsets UnicodeEncode UnicodeScript UnicodeTranscode
    UnsortedSegmentJoin
"""
LISTS = """
    EmptyTensorList EmptyTensorMap TensorArrayCloseV3 TensorArrayConcatV3
    TensorArrayGatherV3 TensorArrayReadV3 TensorArrayScatterV3 TensorArraySizeV3
    TensorArraySplitV3 TensorArrayV3 TensorArrayWriteV3 TensorListConcat
    TensorListConcatLists TensorListConcatV2 TensorListElementShape TensorListFromTensor
    TensorListGather TensorListGetItem TensorListLength TensorListPopBack
    TensorListPushBack TensorListPushBackBatch TensorListReserve TensorListResize
    TensorListScatter TensorListScatterIntoExistingList TensorListScatterV2
    TensorListSetItem TensorListSplit TensorListStack TensorMapErase TensorMapHasKey
    TensorMapInsert TensorMapLookup TensorMapSize TensorMapStackKeys
"""
VARIABLES = """
    Assign AssignAdd AssignAddVariableOp AssignSub AssignSubVariableOp AssignVariableOp
    DestroyResourceOp DisableCopyOnRead IsVariableInitialized ReadVariableOp
    ResourceGather ResourceGatherNd ResourceScatterAdd ResourceScatterNdAdd
    ResourceScatterNdUpdate ResourceScatterUpdate ScatterAdd ScatterNdAdd
    ScatterNdUpdate ScatterUpdate VarHandleOp VarIsInitializedOp Variable VariableShape
    VariableV2
"""
TABLES = """
    AnonymousHashTable AnonymousMutableDenseHashTable AnonymousMutableHashTable
    HashTable HashTableV2 InitializeTable InitializeTableV2 LookupTableExport
    LookupTableExportV2 LookupTableFind LookupTableFindV2 LookupTableImport
    LookupTableImportV2 LookupTableInsert LookupTableInsertV2 LookupTableRemoveV2
    LookupTableSize LookupTableSizeV2 MutableDenseHashTable MutableDenseHashTableV2
    MutableHashTable MutableHashTableV2
"""
CONTROL = """
    Assert ControlTrigger Enter Exit FakeParam LoopCond Merge NextIteration NoOp Switch
"""
CALLS = frozenset(
    (
        *("Case", "For", "If", "PartitionedCall", "StatefulPartitionedCall"),
        *("StatelessCase", "StatelessIf", "StatelessWhile", "While"),
    )
)
"""Those that call functions of the graph."""
WRITERS = frozenset(("SaveV2", "MergeV2Checkpoints"))
READER = "RestoreV2"
SAVER = WRITERS | {READER}
"""What TensorFlow's savers save and restore variables with."""
INITIALIZERS = {"InitializeTableFromTextFile": 1, "InitializeTableFromTextFileV2": 1}
"""What fills tables from files, with the number of the input that names the file."""
FILES = SAVER | {*INITIALIZERS}
"""Allowed at their place alone; see `tfner.checkpoints.graph_files`."""
OPERATORS = CALLS.union(
    *(
        group.split()
        for group in (
            *(NUMBERS, ARRAYS, RANDOM, TEXTS, LISTS, VARIABLES, TABLES, CONTROL),
        )
    )
)
"""All that are allowed wherever they stand."""
