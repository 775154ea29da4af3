// Passed with -include where clang reads the tree: lets clang read libstdc++ 12's <expected>.
#pragma once
#pragma clang system_header
#undef __cpp_concepts
#define __cpp_concepts 202002L
