package dev.thinkingvit.network;

import org.jspecify.annotations.Nullable;

/**
 * Layers of an executor that does not have them all: tokens that are cut up, put together, spread, chosen or that halt, and what
 * else not every network has, is refused unless it is overridden.
 */
abstract class SomeLayers<T> implements Layers<T> {
    /**
     * What a network is refused with that has a layer which is not there.
     *
     * @param what it has, in the plural
     */
    abstract RuntimeException lacking(String what);

    @Override
    public T windows(T x, Windows how) {
        throw lacking("windows");
    }

    @Override
    public T unwindow(T x, Windows how) {
        throw lacking("windows");
    }

    @Override
    public T windowAttention(T qkv, int heads, Parameter bias, Windows how) {
        throw lacking("windows");
    }

    @Override
    public T merge(T x, int rows, int columns) {
        throw lacking("neighbours that are merged");
    }

    @Override
    public T upsample(T x, int rows, int columns, Parameter kernel) {
        throw lacking("tokens that are spread");
    }

    @Override
    public T leading(T x, int features) {
        throw lacking("features that are cut off");
    }

    @Override
    public T mean(T x) {
        throw lacking("means of tokens");
    }

    @Override
    public T append(T x, Parameter tokens) {
        throw lacking("tokens behind those of the image");
    }

    @Override
    public T unit(T x) {
        throw lacking("cosines of tokens");
    }

    @Override
    public T products(T x, T y) {
        throw lacking("products of tokens");
    }

    @Override
    public T rest(T x) {
        throw lacking("tokens without the class token");
    }

    @Override
    public T halfMean(T x, @Nullable T chosen) {
        throw lacking("means of chosen tokens");
    }

    @Override
    public T logSoftmax(T x) {
        throw lacking("logarithms of a softmax");
    }

    @Override
    public T entry(T x, int index) {
        throw lacking("entries of scores");
    }

    @Override
    public T choose(T scores, int count, @Nullable T before) {
        throw lacking("tokens that are chosen");
    }

    @Override
    public T chosen(T x, T chosen) {
        throw lacking("tokens that are chosen");
    }

    @Override
    public T restored(T x, T chosen, T changed) {
        throw lacking("tokens that are chosen");
    }

    @Override
    public Halting.Outcome<T> halting(T x, Halting how, Halting.Body<T> body) {
        throw lacking("tokens that halt");
    }
}
