# One image with all programs; a manifest chooses by `command`. `./dev image` builds the programs and gathers them with the
# shared objects they need, and nothing else, in the folder that is the build's context.
FROM scratch
COPY . /
ENV PATH=/usr/local/bin
USER 65532:65532
CMD ["pd-operator"]
