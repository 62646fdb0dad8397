package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class ScopeTest {
    @Test
    void everythingMadeInsideIsFreedAtItsEnd() {
        Tensor inside;
        try (Scope scope = new Scope()) {
            inside = torch.zeros(4);
            assertThat(inside.isNull()).isFalse();
        }
        assertThat(inside.isNull()).isTrue();
    }

    @Test
    void whatIsKeptBelongsToTheEnclosingScope() {
        Tensor kept;
        try (Scope outer = new Scope()) {
            try (Scope inner = new Scope()) {
                kept = inner.keep(torch.ones(3));
            }
            assertThat(Tensors.toFloats(kept)).containsExactly(1, 1, 1);
        }
        assertThat(kept.isNull()).isTrue();
    }

    @Test
    void whatIsOwnedOutlivesAllScopesUntilItIsClosed() {
        Tensor owned;
        try (Scope outer = new Scope();
                Scope inner = new Scope()) {
            owned = Scope.own(torch.ones(2));
        }
        assertThat(Tensors.toFloats(owned)).containsExactly(1, 1);
        owned.close();
        assertThat(owned.isNull()).isTrue();
    }

    @Test
    void hundredStepsLeaveNoNativeObjectBehind() {
        Runnable step = () -> {
            try (Scope scope = new Scope()) {
                Tensors.toHost(torch.randn(8, 8).matmul(torch.randn(8, 8)).softmax(-1));
            }
        };
        step.run();
        long before = Pointer.totalCount();
        for (int i = 0; i < 100; i++) {
            step.run();
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }
}
