# Pattern rules for GNU make: MODEL-TYPE.gguf is made from the checkpoint folder MODEL.
#
#   # your Makefile
#   all: models/SmolLM2-Q4_K_M.gguf models/SmolLM2-Q8_0.gguf
#   include $(shell quantcli --makefile)
#
# A file is made again when anything in its folder is newer; an interrupted conversion goes on
# where it stopped, and a file that quantcli did not make is left alone. Include this at the end: it
# turns on secondary expansion for the rules below it.
#
#   QUANTCLI        the command (default: quantcli)
#   QUANTCLI_FLAGS  more options for `quantcli convert`, such as --jobs 4 or --strict
#   QUANTCLI_TYPES  the types that have a rule (default: every preset)

QUANTCLI ?= quantcli
QUANTCLI_FLAGS ?=
QUANTCLI_TYPES ?= F32 F16 Q4_0 Q4_1 Q8_0 Q5_0 Q5_1 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S \
  Q5_K_M Q6_K IQ2_XXS IQ2_XS Q2_K_S IQ3_XS IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ3_M IQ2_S \
  IQ2_M IQ4_XS IQ1_M BF16 TQ1_0 TQ2_0 MXFP4_MOE NVFP4 Q1_0 Q2_0

.SECONDEXPANSION:

# quantcli leaves a file alone that is up to date, although something beside the weights is newer;
# the touch tells make so.
define QUANTCLI_RULE
%-$(1).gguf: %/config.json $$$$(wildcard $$$$*/*.safetensors $$$$*/*.json $$$$*/*.model $$$$*/*.txt $$$$*/*.jinja $$$$*/README.md)
	$$(QUANTCLI) convert $$* -t $(1) -o $$@ --skip-existing $$(QUANTCLI_FLAGS)
	@touch $$@
endef

$(foreach type,$(QUANTCLI_TYPES),$(eval $(call QUANTCLI_RULE,$(type))))
